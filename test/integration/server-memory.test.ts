import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { type BothProtocols, serveBoth } from '../support/both-protocols.js';
import { rawRequest } from '../support/grpc-peer.js';
import { mebibytes } from '../support/memory-levels.js';
import { ask, assertServes, binaryBody, rawExchange, TINY } from '../support/serving.js';

const INFER = '/v2/models/tiny/infer';
const JSON_TYPE = { 'content-type': 'application/json' };

/** Numbers from 0 to 1, the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** One of everything that a hostile client does, many times over. None of it may be answered with a bug. */
async function attack({ url, call }: BothProtocols, random: () => number): Promise<void> {
  const port = Number(new URL(url).port);
  const bytes = (count: number) => Buffer.from(Array.from({ length: count }, () => Math.floor(random() * 256)));
  const statuses: number[] = [];
  const post = async (body: unknown, headers: Record<string, string> = JSON_TYPE) => {
    statuses.push((await ask(url + INFER, 'POST', body, headers)).status);
  };
  const good = binaryBody(
    { inputs: [{ name: 'x', datatype: 'FP32', shape: [3], parameters: { binary_data_size: 12 } }] },
    Buffer.from(Float32Array.of(1, 2, 3).buffer),
  );
  for (let round = 0; round < 60; round++) {
    await post(bytes(300));
    const mutated = Buffer.from(good.body);
    for (let flip = 0; flip < 3; flip++) mutated[Math.floor(random() * mutated.length)] = Math.floor(random() * 256);
    await post(mutated, good.headers);
    const name = encodeURIComponent(`model-${round}-${random()}`);
    statuses.push((await ask(`${url}/v2/models/${name}/infer`, 'POST', {})).status);
    await call('ModelInfer', rawRequest(name, { x: ['FP32', [1], bytes(4)] })).catch(() => undefined);
    await call('ModelInfer', rawRequest('tiny', { x: ['FP32', [2 ** 40], bytes(64)] })).catch(() => undefined);
    const socket = connect(port, '127.0.0.1').on('error', () => {});
    const head = `POST ${INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n`;
    await new Promise((resolve) => socket.write(head + 'x'.repeat(50_000), () => resolve(socket.destroy())));
    const giveUp = new AbortController();
    const cancelled = call('ModelInfer', rawRequest('tiny', { x: ['FP32', [1000], new Float32Array(1000)] }), {
      signal: giveUp.signal,
    }).catch(() => undefined);
    giveUp.abort();
    await cancelled;
  }
  await post(`{"inputs":${'['.repeat(250_000)}${']'.repeat(250_000)}}`);
  await post(gzipSync(Buffer.alloc(200_000_000)), { ...JSON_TYPE, 'content-encoding': 'gzip' });
  // Two bytes of JSON for each number of four, or of eight.
  const many = 2_000_000;
  for (const datatype of ['INT8', 'FP64', 'BYTES']) {
    const data = new Array(many).fill(1).join();
    await post(`{"inputs":[{"name":"x","datatype":"${datatype}","shape":[${many}],"data":[${data}]}]}`);
  }
  const chunks = '1\r\n \r\n'.repeat(65_536);
  const chunked = `POST ${INFER} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
  await rawExchange(port, `${chunked}${chunks}0\r\n\r\n`);
  const bugs = statuses.filter((status) => ![200, 400, 404, 413].includes(status));
  assert.deepEqual(bugs, []);
}

async function resident(): Promise<number> {
  for (let turn = 0; turn < 3; turn++) {
    global.gc!();
    await sleep(50);
  }
  return process.memoryUsage.rss();
}

test('attacks over both protocols leave less than 100 MB behind', { skip: global.gc === undefined }, async (t) => {
  const both = await serveBoth(t, { models: TINY });
  await both.engine.started;
  const random = randomFrom(5);
  await attack(both, random);
  await attack(both, random);
  const levels = [await resident()];
  for (let round = 0; round < 4; round++) {
    await attack(both, random);
    levels.push(await resident());
  }
  t.diagnostic(`${mebibytes(levels)} MiB`);
  assert.ok(levels.at(-1)! - levels[0]! < 100e6, `${mebibytes(levels)} MiB`);
  await assertServes(both.url);
  const { model } = both.engine.model('tiny');
  assert.deepEqual(model.waiting, { requests: 0, rows: 0 });
});
