import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { QuickCopy, stateOf } from '#src/backends/onnx/quick-copy';
import { OnnxSession } from '#src/backends/onnx/session';
import { Tensor } from '#src/tensor/tensor';
import {
  addOne,
  encodeModel,
  externalWeight,
  type GraphSpec,
  identity,
  node,
  value,
  weight,
  writeModel,
} from '../../../support/onnx-builder.js';

let folder: string;
let count = 0;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-onnx-'));
});

after(() => rm(folder, { recursive: true }));

const ONE = { device: 'cpu', threads: 1 };
const four = [new Tensor('float32', Float32Array.of(1, 2, 3, 4))];

/** A model in a worker, and the copy that it may have. */
async function open(graph: GraphSpec) {
  const path = await writeModel(join(folder, `${count++}.onnx`), graph);
  const state = await stateOf(path);
  const session = await OnnxSession.open(path, ONE);
  return { path, state, session, copy: await QuickCopy.of(path, session.info, state) };
}

/** Makes calls of these inputs known as quick, and waits until they are taken. */
async function warm(copy: QuickCopy, inputs: readonly Tensor[]): Promise<boolean> {
  for (let i = 0; i < 100; i++) copy.took(inputs, 0.001, 0.001);
  for (let turn = 0; turn < 200 && !copy.takes(inputs, 0); turn++) await new Promise((done) => setTimeout(done, 5));
  return copy.takes(inputs, 0);
}

test('answers as the worker does', async () => {
  const tensors = [
    new Tensor('float16', Uint16Array.of(0x3c00, 0xc000)),
    new Tensor('int64', BigInt64Array.of(1n, -(2n ** 63n))),
    new Tensor('bool', Uint8Array.of(1, 0)),
    new Tensor('string', ['', 'h\u00e9llo']),
    new Tensor('float32', new Float32Array(new SharedArrayBuffer(8)).fill(1.5)),
  ] as const;
  for (const tensor of tensors) {
    const { session, copy } = await open(identity(tensor.dtype));
    assert.ok(await warm(copy!, [tensor]));
    const { y } = await session.run('forward', [tensor]);
    assert.deepEqual(await copy!.run([tensor]), { y });
    await copy!.close();
    await session.close();
  }
});

test('calls that were long because others computed stay; those that computed so long do not', async (t) => {
  // Each call takes five milliseconds.
  let now = 0;
  t.mock.method(performance, 'now', () => {
    now += 5;
    return now;
  });
  for (const [computedUs, stays] of [
    [20, true],
    [5000, false],
  ] as const) {
    const usage = t.mock.method(process, 'cpuUsage', () => ({ user: computedUs, system: 0 }));
    const { session, copy } = await open(addOne([4]));
    assert.ok(await warm(copy!, four));
    assert.ok(await copy!.run(four));
    // The first long call only makes it look.
    assert.equal(usage.mock.callCount(), 0);
    assert.ok(copy!.takes(four, 0));
    for (let call = 0; call < 40; call++) await copy!.run(four);
    assert.equal(copy!.takes(four, 0), stays);
    usage.mock.restore();
    await copy!.close();
    await session.close();
  }
});

test('is not made of what is large, or in several files, or was changed while it was loaded', async () => {
  const large = { ...addOne([2 ** 20 + 1]) };
  large.initializer = [weight('one', 'float32', [2 ** 20 + 1], new Float32Array(2 ** 20 + 1))];
  await writeFile(join(folder, 'weights.bin'), new Uint8Array(4096));
  const external: GraphSpec = {
    ...addOne([1024]),
    initializer: [externalWeight('one', [1024], [['location', 'weights.bin']])],
  };
  for (const graph of [large, external]) {
    const { session, copy } = await open(graph);
    assert.equal(copy, null);
    await session.close();
  }
  const { path, session } = await open(addOne());
  const before = await stateOf(path);
  await utimes(path, 1, 1);
  assert.equal(await QuickCopy.of(path, session.info, before), null);
  assert.equal(await QuickCopy.of(path, session.info, null), null);
  await session.close();
});

test('does not load a file that was changed since', async () => {
  const { path, session, copy } = await open(addOne());
  const other = addOne();
  other.initializer = [weight('one', 'float32', [], Float32Array.of(100))];
  await writeFile(path, encodeModel(other));
  await utimes(path, 1, 1);
  assert.ok(!(await warm(copy!, four)));
  await copy!.close();
  await session.close();
});

test('a call that fails is left to the worker', async () => {
  const graph: GraphSpec = {
    node: [node('Gather', ['table', 'x'], ['y'])],
    input: [value('x', 'int64', [1])],
    output: [value('y', 'float32', [1])],
    initializer: [weight('table', 'float32', [2], Float32Array.of(5, 6))],
  };
  const { session, copy } = await open(graph);
  const at = (index: bigint) => [new Tensor('int64', BigInt64Array.of(index))];
  assert.ok(await warm(copy!, at(0n)));
  assert.deepEqual(Array.from((await copy!.run(at(1n))).y!.data as Float32Array), [6]);
  await assert.rejects(copy!.run(at(7n)), /idx=7/);
  const detached = at(0n);
  structuredClone(null, { transfer: [(detached[0]!.data as BigInt64Array).buffer as ArrayBuffer] });
  assert.throws(() => copy!.run(detached), { code: 'INF_TENSOR_DETACHED' });
  assert.deepEqual(Array.from((await copy!.run(at(0n))).y!.data as Float32Array), [5]);
  await copy!.close();
  // Whichever of them a session calls, it fails alike.
  for (let i = 0; i < 2000; i++) await session.run('forward', at(1n));
  await assert.rejects(session.run('forward', at(7n)), { code: 'INF_INPUT_VALUE', message: /idx=7/ });
  await assert.rejects(session.run('forward', detached), { code: 'INF_TENSOR_DETACHED' });
  await session.close();
});

test('takes nothing once it is stopped or closed, even while it loads', async () => {
  const { session, copy } = await open(addOne());
  for (let i = 0; i < 100; i++) copy!.took(four, 0.001, 0.001);
  assert.ok(!copy!.takes(four, 0));
  await copy!.close();
  assert.ok(!copy!.takes(four, 0));
  await session.close();
});

test('a session answers the same wherever its calls run, and drains before it closes', async () => {
  const { session } = await open(addOne());
  const { signal } = new AbortController();
  for (let i = 0; i < 2000; i++) {
    const x = Float32Array.of(i, 1, 2, 3);
    const { y } = await session.run('forward', [new Tensor('float32', x)], i % 2 === 0 ? signal : undefined);
    assert.deepEqual(y!.data, Float32Array.of(i + 1, 2, 3, 4));
    if (i % 100 === 0) await assert.rejects(session.run('forward', [new Tensor('float32', x.subarray(1))]), /x/);
    if (i % 100 === 50) {
      const many = await Promise.all(Array.from({ length: 20 }, () => session.run('forward', four)));
      for (const each of many) assert.equal(each.y!.data[3], 5);
    }
  }
  const abort = new AbortController();
  const aborted = session.run('forward', four, abort.signal);
  abort.abort();
  await assert.rejects(aborted, { name: 'AbortError' });
  const last = session.run('forward', four);
  await session.close();
  assert.equal((await last).y!.data[0], 2);
});

const prelude = (path: string) => `
  const { OnnxSession } = await import(${JSON.stringify(import.meta.resolve('#src/backends/onnx/session'))});
  const { QuickCopy, stateOf } = await import(${JSON.stringify(import.meta.resolve('#src/backends/onnx/quick-copy'))});
  const { Tensor } = await import(${JSON.stringify(import.meta.resolve('#src/tensor/tensor'))});
  const path = ${JSON.stringify(path)};
  const state = await stateOf(path);
  const session = await OnnxSession.open(path, { device: 'cpu', threads: 1 });
  const copy = await QuickCopy.of(path, session.info, state);`;

test('a process may end with a copy that was not closed', async () => {
  const path = await writeModel(join(folder, 'exit.onnx'), addOne());
  const source = `${prelude(path)}
    const input = [new Tensor('float32', new Float32Array(4))];
    for (let i = 0; i < 100; i++) copy.took(input, 0.001, 0.001);
    while (!copy.takes(input, 0)) await new Promise((done) => setTimeout(done, 5));
    console.log((await copy.run(input)).y.data[0]);
    copy.run(input);`;
  const run = (end: string) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '-e', `${source}\n${end}`], { timeout: 30_000 });
  assert.deepEqual(await run('process.exit(0);'), { stdout: '1\n', stderr: '' });
  assert.deepEqual(await run(''), { stdout: '1\n', stderr: '' });
  await assert.rejects(run('process.exit(7);'), { code: 7 });
  await assert.rejects(run('setImmediate(() => { throw new Error("uncaught"); });'), { code: 1 });
});

test('threads of the user have none, for they may be ended', async () => {
  const path = await writeModel(join(folder, 'thread.onnx'), addOne());
  const source = `${prelude(path)}
    const { parentPort } = await import('node:worker_threads');
    parentPort.postMessage(copy === null);
    await session.close();`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`));
  const answer = await new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  assert.equal(answer, true);
  await new Promise((done) => worker.once('exit', done));
});
