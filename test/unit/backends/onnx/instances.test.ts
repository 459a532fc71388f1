import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { OnnxSession } from '#src/backends/onnx/session';
import { Tensor } from '#src/tensor/tensor';
import { rejects } from '../../../support/expect-error.js';
import { addOne, attribute, node, value, weight, writeModel } from '../../../support/onnx-builder.js';

let folder: string;
let path: string;
/** Multiplies matrices as often as it is told. */
let slow: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-onnx-'));
  path = await writeModel(join(folder, 'model.onnx'), addOne());
  const side = 256;
  const body = {
    node: [node('MatMul', ['state', 'matrix'], ['next']), node('Identity', ['going'], ['still'])],
    input: [value('step', 'int64', []), value('going', 'bool', []), value('state', 'float32', [side, side])],
    output: [value('still', 'bool', []), value('next', 'float32', [side, side])],
  };
  slow = await writeModel(join(folder, 'slow.onnx'), {
    node: [node('Loop', ['steps', '', 'matrix'], ['end'], { attribute: [attribute.graph('body', body)] })],
    input: [value('steps', 'int64', [])],
    output: [value('end', 'float32', [side, side])],
    initializer: [weight('matrix', 'float32', [side, side], new Float32Array(side * side))],
  });
});

after(() => rm(folder, { recursive: true }));

const open = (file: string, instances: number) => OnnxSession.open(file, { device: 'cpu', threads: 1, instances });
const steps = (count: number) => [new Tensor('int64', BigInt64Array.of(BigInt(count)), [])];
const vector = (...values: number[]) => [new Tensor('float32', Float32Array.from(values))];

/** The order in which a long call and the short ones after it end. */
async function order(session: OnnxSession): Promise<string[]> {
  const ended: string[] = [];
  const long = session.run('forward', steps(1500)).then(() => ended.push('long'));
  for (let i = 0; i < 3; i++) {
    await session.run('forward', steps(1));
    ended.push('short');
  }
  await long;
  return ended;
}

test('one instance runs calls one after another, two at once', async () => {
  for (const [instances, first] of [
    [1, 'long'],
    [2, 'short'],
  ] as const) {
    const session = await open(slow, instances);
    assert.equal(session.info.instances, instances);
    // On a busy machine the long call may end before the last of the short ones.
    assert.equal((await order(session))[0], first);
    await session.close();
  }
});

test('every call gets its own answer', async () => {
  const session = await open(path, 3);
  const calls = Array.from({ length: 500 }, (_, i) => session.run('forward', vector(i, -i, 0, 1)));
  for (const [i, answer] of (await Promise.all(calls)).entries()) {
    assert.deepEqual(Array.from(answer.y!.data as Float32Array), [i + 1, 1 - i, 1, 2]);
  }
  await session.close();
});

test('close waits for the calls of all instances', async () => {
  const session = await open(slow, 2);
  let ended = 0;
  for (let i = 0; i < 8; i++) void session.run('forward', steps(20)).then(() => ended++);
  await Promise.all([session.close(), session.close()]);
  assert.equal(ended, 8);
  await rejects(session.run('forward', steps(1)), 'INF_MODEL_CLOSED');
});

test('a call that waits is aborted, those that run are not', async () => {
  const session = await open(slow, 2);
  const abort = new AbortController();
  const running = [1, 2].map(() => session.run('forward', steps(100)));
  const waiting = Array.from({ length: 4 }, () => session.run('forward', steps(100), abort.signal));
  await new Promise(setImmediate);
  abort.abort();
  for (const call of waiting) await rejects(call, 'INF_ABORTED');
  assert.equal((await Promise.all(running)).length, 2);
  await session.close();
});

test('blocking calls are answered while another instance works', async () => {
  const session = await open(slow, 2);
  let ended = false;
  const long = session.run('forward', steps(1500)).then(() => {
    ended = true;
  });
  // The call is on its way to a worker.
  await new Promise(setImmediate);
  session.runSync('forward', steps(1));
  await Promise.resolve();
  assert.equal(ended, false);
  await long;
  await session.close();
});

for (const how of ['crash', 'terminate'] as const) {
  test(`an instance that died (${how}) harms no other and is loaded again`, async () => {
    const session = await open(path, 2);
    let started = 0;
    const count = () => started++;
    process.on('worker', count);
    await session[how](1);
    // The other is idle: nothing is loaded for a single call.
    assert.equal((await session.run('forward', vector(1, 1, 1, 1))).y!.data[0], 2);
    assert.equal(started, 0);
    const calls = Array.from({ length: 100 }, (_, i) => session.run('forward', vector(i, 0, 0, 0)));
    const answers = (await Promise.all(calls)).map(({ y }) => y!.data[0]);
    assert.deepEqual(
      answers,
      Array.from({ length: 100 }, (_, i) => i + 1),
    );
    assert.equal(started, 1);
    await session.close();
    process.off('worker', count);
  });
}

test('a file that cannot be loaded fails once, and its workers are given back', async () => {
  const bad = join(folder, 'bad.onnx');
  await writeFile(bad, 'not a model');
  await rejects(open(bad, 3), 'INF_MODEL_INVALID');
  const session = await open(path, 2);
  assert.equal((await session.run('forward', vector(1, 2, 3, 4))).y!.data[3], 5);
  await session.close();
});
