import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { binaryRequest, RawClient } from '../../bench/serving/raw-client.js';
import { repository } from '../support/test-data.js';
import { fixture } from '../support/torch.js';

/** `INFERNODE_SOAK=100000` makes it long. */
const REQUESTS = Number(process.env.INFERNODE_SOAK ?? 20_000);
const CONNECTIONS = 16;
const RELOAD_EVERY = 1000;

/** tiny.onnx gives 2x + 1. */
const answerTo = (x: Float32Array) => x.map((value) => 2 * value + 1);

/** Resident memory of a process, in MiB. */
async function resident(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024;
}

test(`${REQUESTS} requests, some cancelled, some malformed, during reloads: no answer is wrong or lost`, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'infernode-soak-'));
  await mkdir(join(folder, 'tiny/1'), { recursive: true });
  await copyFile(fixture('tiny.onnx'), join(folder, 'tiny/1/model.onnx'));
  const options = ['--models', folder, '--mode', 'explicit', '--port', '0', '--no-docs', '--json', '--threads', '1'];
  const server = spawn(process.execPath, [join(repository, 'dist/cli/main.js'), 'serve', ...options]);
  t.after(async () => {
    server.kill('SIGKILL');
    await rm(folder, { recursive: true });
  });
  let said = '';
  server.stdout.on('data', (text) => {
    said += text;
  });
  while (!said.includes('\n')) await once(server.stdout, 'data');
  const [listening] = said.split('\n') as [string];
  const port = Number(new URL(JSON.parse(listening).http).port);
  const reload = async () => {
    const url = `http://127.0.0.1:${port}/v2/repository/models/tiny/load`;
    const { status } = await fetch(url, { method: 'POST' });
    assert.equal(status, 200, 'a reload failed');
  };
  await reload();

  const counts = { right: 0, cancelled: 0, refused: 0 };
  const memory: number[] = [];
  let next = 0;
  const work = async () => {
    const client = await RawClient.open(port);
    for (let index = next++; index < REQUESTS; index = next++) {
      if (index % RELOAD_EVERY === RELOAD_EVERY - 1) await reload();
      if (index % (REQUESTS / 10) === 0) memory.push(await resident(server.pid!));
      const x = Float32Array.from({ length: 4 }, (_, element) => (index % 65_536) + element / 4);
      const request = binaryRequest('tiny', { x: { dtype: 'float32', data: x, shape: [4] } });
      if (index % 100 === 17) {
        const leaving = await RawClient.open(port);
        void leaving.send(request).catch(() => {});
        leaving.close();
        counts.cancelled++;
      } else if (index % 100 === 53) {
        const { status } = await client.send(binaryRequest('tiny', { x: { dtype: 'float32', data: x, shape: [5] } }));
        assert.equal(status, 400);
        counts.refused++;
      } else {
        const { status, head, body } = await client.send(request);
        assert.equal(status, 200, body.toString());
        const start = Number(/inference-header-content-length: *(\d+)/i.exec(head)![1]);
        const y = new Float32Array(new Uint8Array(body.subarray(start)).buffer);
        assert.deepEqual(y, answerTo(x), `request ${index}`);
        counts.right++;
      }
    }
    client.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, work));
  memory.push(await resident(server.pid!));
  assert.deepEqual(counts, {
    right: REQUESTS * 0.98,
    cancelled: REQUESTS * 0.01,
    refused: REQUESTS * 0.01,
  });
  // The first half warms up.
  const growth = memory.at(-1)! - Math.max(...memory.slice(3, 6));
  assert.ok(
    growth < 20,
    `memory grew by ${growth.toFixed(0)} MiB: ${memory.map((level) => level.toFixed(0)).join(', ')}`,
  );

  server.kill('SIGTERM');
  const [code] = await once(server, 'exit');
  assert.equal(code, 0);
});
