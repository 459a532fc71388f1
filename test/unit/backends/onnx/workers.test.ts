import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { OnnxSession } from '#src/backends/onnx/session';
import { Tensor } from '#src/tensor/tensor';
import { addOne, identity, writeModel } from '../../../support/onnx-builder.js';

const ONE = { device: 'cpu', threads: 1 };
const input = [new Tensor('float32', new Float32Array(4))];
let folder: string;
let path: string;
/** Workers started, and ended, since the test began; one was parked then. */
let started: number;
let ended: number;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-onnx-'));
  path = await writeModel(join(folder, 'model.onnx'), addOne());
});

after(() => rm(folder, { recursive: true }));

const open = () => OnnxSession.open(path, ONE);

function count(worker: Worker): void {
  started++;
  worker.on('exit', () => ended++);
}

beforeEach(async () => {
  await (await open()).close();
  started = 0;
  ended = 0;
  process.on('worker', count);
});

afterEach(() => process.off('worker', count));

describe('a closed model leaves its worker to the next', () => {
  test('one after another, in both ways of calling', async () => {
    for (const dtype of ['float32', 'int64', 'float32'] as const) {
      const session = await OnnxSession.open(await writeModel(join(folder, `${dtype}.onnx`), identity(dtype)), ONE);
      const data = dtype === 'int64' ? BigInt64Array.of(1n, 2n) : Float32Array.of(1, 2);
      const tensor = new Tensor(dtype, data, [2]);
      for (const { y } of [session.runSync('forward', [tensor]), await session.run('forward', [tensor])]) {
        assert.deepEqual(y, tensor);
      }
      await session.close();
    }
    assert.equal(started, 0);
  });

  test('also after loads that failed', async () => {
    const bad = join(folder, 'bad.onnx');
    await writeFile(bad, 'not a model');
    for (let round = 0; round < 10; round++) {
      await assert.rejects(OnnxSession.open(bad, ONE), { code: 'INF_MODEL_INVALID' });
    }
    const session = await open();
    assert.equal((await session.run('forward', input)).y!.data[0], 1);
    await session.close();
    assert.equal(started, 0);
  });

  test('one waits, the others end', async () => {
    const sessions = await Promise.all([open(), open(), open()]);
    assert.equal(started, 2);
    await Promise.all(sessions.map((session) => session.close()));
    const last = await open();
    assert.equal(started, 2);
    await last.close();
    // One of the three is not among the counted.
    assert.ok(ended >= 1 && ended <= 2, `${ended} ended`);
  });

  for (const how of ['crash', 'terminate'] as const) {
    test(`but not one that died (${how})`, async () => {
      const session = await open();
      await session[how]();
      await session.close();
      const next = await open();
      assert.equal((await next.run('forward', input)).y!.data[0], 1);
      assert.equal(started, 1);
      await next.close();
    });
  }

  test('closing twice does not close the next model', async () => {
    const first = await open();
    await first.close();
    const second = await open();
    await first.close();
    await first.crash();
    assert.equal((await second.run('forward', input)).y!.data[0], 1);
    await second.close();
    assert.equal(started, 0);
  });
});

/** Runs an ES module that has `open`, `input` and the number of workers `started`. */
async function script(source: string): Promise<string> {
  const prelude = `
    const { onnxBackend } = await import(${JSON.stringify(import.meta.resolve('#src/backends/onnx/backend'))});
    const { Tensor } = await import(${JSON.stringify(import.meta.resolve('#src/tensor/tensor'))});
    const open = () => onnxBackend.load(${JSON.stringify(path)}, 'onnx', { device: 'cpu', threads: 1 });
    const input = [new Tensor('float32', new Float32Array(4))];
    let started = 0;
    process.on('worker', () => started++);
    const collect = async () => {
      for (let turn = 0; turn < 10; turn++) {
        gc();
        await new Promise((done) => setTimeout(done, 20));
      }
    };`;
  const args = ['--expose-gc', '--input-type=module', '-e', `${prelude}\n${source}`];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  assert.equal(stderr, '');
  return stdout.trim();
}

test('a model that was dropped leaves its worker to the next once it is collected', async () => {
  const use = `
    const use = async () => {
      const session = await open();
      await session.run('forward', input, new AbortController().signal);
      session.runSync('forward', input);
      return session;
    };`;
  const dropped = await script(`${use}
    for (let round = 0; round < 4; round++) {
      await use();
      await collect();
    }
    console.log(started);`);
  assert.equal(dropped, '1');
  const kept = await script(`${use}
    const sessions = [];
    for (let round = 0; round < 4; round++) {
      sessions.push(await use());
      await collect();
    }
    for (const session of sessions) await session.run('forward', input);
    console.log(started);`);
  assert.equal(kept, '4');
});

test('the calls of a model that was dropped are answered', async () => {
  const answered = await script(`
    const calls = await (async () => {
      const session = await open();
      return Array.from({ length: 5000 }, () => session.run('forward', input));
    })();
    let over = false;
    const all = Promise.all(calls).then(() => (over = true));
    while (!over) {
      gc();
      await new Promise(setImmediate);
    }
    console.log((await Promise.all(calls)).length);`);
  assert.equal(answered, '5000');
});

test('a waiting worker does not keep the process alive, nor disturb its exit', async () => {
  assert.equal(await script('await (await open()).close(); console.log("end");'), 'end');
  const exit = script('await (await open()).close(); process.exit(3);');
  await assert.rejects(exit, { code: 3, signal: null, stderr: '' });
  const closing = script('const session = await open(); setTimeout(() => process.exit(3), 1); await session.close();');
  await assert.rejects(closing, { code: 3, signal: null, stderr: '' });
});
