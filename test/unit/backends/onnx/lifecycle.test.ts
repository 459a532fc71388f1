import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { onnxBackend } from '#src/backends/onnx/backend';
import { OnnxSession } from '#src/backends/onnx/session';
import { Tensor } from '#src/tensor/tensor';
import {
  addOne,
  attribute,
  encodeModel,
  identity,
  node,
  value,
  weight,
  writeModel,
} from '../../../support/onnx-builder.js';

const ONE = { device: 'cpu', threads: 1 };
const input = [new Tensor('float32', new Float32Array(4))];
let folder: string;
let small: string;
/** Runs for about a tenth of a second. */
let slow: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-onnx-'));
  small = await writeModel(join(folder, 'small.onnx'), addOne());
  const side = 512;
  const body = {
    node: [node('MatMul', ['state', 'matrix'], ['next']), node('Identity', ['going'], ['still'])],
    input: [value('step', 'int64', []), value('going', 'bool', []), value('state', 'float32', [side, side])],
    output: [value('still', 'bool', []), value('next', 'float32', [side, side])],
  };
  slow = await writeModel(join(folder, 'slow.onnx'), {
    node: [
      node('Loop', ['steps', '', 'matrix'], ['end'], { attribute: [attribute.graph('body', body)] }),
      node('ReduceSum', ['end'], ['sum'], { attribute: [attribute.int('keepdims', 0)] }),
      node('Add', ['x', 'sum'], ['y']),
    ],
    input: [value('x', 'float32', [4])],
    output: [value('y', 'float32', [4])],
    initializer: [
      weight('steps', 'int64', [], BigInt64Array.of(25n)),
      weight('matrix', 'float32', [side, side], new Float32Array(side * side)),
    ],
  });
});

after(() => rm(folder, { recursive: true }));

describe('abort', () => {
  test('an aborted signal rejects at once', async () => {
    const session = await OnnxSession.open(small, ONE);
    const reason = new Error('not now');
    await assert.rejects(session.run('forward', input, AbortSignal.abort(reason)), (error: Error) => {
      assert.deepEqual(
        [error.name, (error as { code?: string }).code, error.cause],
        ['AbortError', 'INF_ABORTED', reason],
      );
      return true;
    });
    await session.close();
  });

  test('a running and a waiting call reject at once, later calls run', async () => {
    const session = await OnnxSession.open(slow, ONE);
    await session.run('forward', input);
    const controller = new AbortController();
    const started = performance.now();
    const calls = Array.from({ length: 20 }, () => session.run('forward', input, controller.signal));
    const kept = session.run('forward', input);
    await sleep(10);
    controller.abort();
    for (const call of calls) await assert.rejects(call, { code: 'INF_ABORTED' });
    const aborted = performance.now() - started;
    await kept;
    const took = performance.now() - started;
    // The waiting ones never ran: twenty runs would take ten times as long as two.
    assert.ok(aborted < took / 2, `${aborted} of ${took} ms`);
    const one = performance.now();
    await session.run('forward', input);
    assert.ok(took < 10 * (performance.now() - one), `${took} ms`);
    await session.close();
  });

  test('a call that is over leaves its signal alone; many may share one', async (context) => {
    const session = await OnnxSession.open(small, ONE);
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    context.after(() => process.off('warning', onWarning));
    const controller = new AbortController();
    const calls = Array.from({ length: 50 }, () => session.run('forward', input, controller.signal));
    await Promise.all(calls);
    controller.abort();
    await session.run('forward', input);
    assert.deepEqual(warnings, []);
    await session.close();
  });
});

describe('close', () => {
  test('lets calls finish, refuses later ones, and may be repeated', async () => {
    const session = await OnnxSession.open(slow, ONE);
    const calls = Array.from({ length: 5 }, () => session.run('forward', input));
    const closing = session.close();
    await assert.rejects(session.run('forward', input), { code: 'INF_MODEL_CLOSED' });
    assert.throws(() => session.runSync('forward', input), { code: 'INF_MODEL_CLOSED' });
    const order: string[] = [];
    await Promise.all([
      closing.then(() => order.push('closed')),
      Promise.all(calls).then(() => order.push('finished')),
    ]);
    assert.deepEqual(order, ['finished', 'closed']);
    await session.close();
  });

  test('does not wait for a call that cannot be sent', async () => {
    const session = await OnnxSession.open(small, ONE);
    const data = new Float32Array(4);
    const call = session.run('forward', [new Tensor('float32', data)]);
    structuredClone(data, { transfer: [data.buffer] });
    await Promise.all([assert.rejects(call, { code: 'INF_TENSOR_DETACHED' }), session.close()]);
  });

  test('an idle model does not keep the process alive, a running call does', async () => {
    const script = `
      const { onnxBackend } = await import(${JSON.stringify(import.meta.resolve('#src/backends/onnx/backend'))});
      const { Tensor } = await import(${JSON.stringify(import.meta.resolve('#src/tensor/tensor'))});
      const session = await onnxBackend.load(${JSON.stringify(slow)}, 'onnx', { device: 'cpu', threads: 1 });
      session.runSync('forward', [new Tensor('float32', new Float32Array(4))]);
      session.run('forward', [new Tensor('float32', new Float32Array(4))]).then(() => process.stdout.write('done'));
    `;
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      timeout: 20_000,
    });
    assert.deepEqual([stdout, stderr], ['done', '']);
  });
});

test('a process that exits while a model runs keeps its exit status', async () => {
  const script = `
    const { onnxBackend } = await import(${JSON.stringify(import.meta.resolve('#src/backends/onnx/backend'))});
    const { Tensor } = await import(${JSON.stringify(import.meta.resolve('#src/tensor/tensor'))});
    const session = await onnxBackend.load(${JSON.stringify(slow)}, 'onnx', { device: 'cpu', threads: 1 });
    for (let n = 0; n < 5; n++) session.run('forward', [new Tensor('float32', new Float32Array(4))]);
    setTimeout(() => process.exit(3), 10);
  `;
  const child = promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
  await assert.rejects(child, { code: 3, signal: null, stderr: '' });
});

describe('crash', () => {
  test('calls in flight fail with the cause, the next ones get a fresh worker', async () => {
    const session = await OnnxSession.open(small, ONE);
    const dying = session.crash();
    const calls = Array.from({ length: 50 }, () => session.run('forward', input));
    const results = await Promise.allSettled(calls);
    const failed = results.filter((result) => result.status === 'rejected');
    assert.ok(failed.length > 0);
    for (const { reason } of failed) {
      assert.equal(reason.code, 'INF_BACKEND_CRASHED');
      assert.equal(reason.cause.message, 'crash');
    }
    // Calls that the worker never had are not lost with it.
    assert.ok(failed.length < 50);
    await dying;
    assert.equal((await session.run('forward', input)).y!.data.length, 4);
    await session.crash();
    assert.equal(session.runSync('forward', input).y!.data.length, 4);
    await session.close();
  });

  for (const how of ['crash', 'terminate'] as const) {
    test(`a blocking call does not wait for a dead worker (${how})`, async () => {
      const session = await OnnxSession.open(small, ONE);
      const dying = session[how]();
      const pending = session.run('forward', input);
      assert.throws(() => session.runSync('forward', input), { code: 'INF_BACKEND_CRASHED' });
      assert.equal(session.runSync('forward', input).y!.data.length, 4);
      assert.equal((await pending).y!.data.length, 4);
      await dying;
      assert.equal((await session.run('forward', input)).y!.data.length, 4);
      await session.close();
    });
  }

  test('a model that cannot be loaded again fails its calls, and loads once it can', async () => {
    const path = await writeModel(join(folder, 'changing.onnx'), addOne());
    const session = await OnnxSession.open(path, ONE);
    await session.crash();
    await writeFile(path, 'not a model');
    await assert.rejects(session.run('forward', input), { code: 'INF_MODEL_INVALID' });
    assert.throws(() => session.runSync('forward', input), { code: 'INF_MODEL_INVALID' });
    await writeFile(path, encodeModel(identity('int64')));
    await assert.rejects(session.run('forward', input), {
      code: 'INF_MODEL_INVALID',
      message: /other inputs or outputs/,
    });
    await writeFile(path, encodeModel(addOne()));
    const calls = Array.from({ length: 100 }, () => session.run('forward', input));
    assert.equal((await Promise.all(calls)).length, 100);
    await session.close();
  });

  test('a crashed model closes', async () => {
    const session = await OnnxSession.open(small, ONE);
    await session.crash();
    await session.close();
    const dying = await OnnxSession.open(small, ONE);
    await Promise.all([dying.crash(), dying.close()]);
  });
});

test('other formats and devices are refused', async () => {
  await assert.rejects(onnxBackend.load(small, 'torchscript', ONE), { code: 'INF_MODEL_FORMAT' });
  await assert.rejects(onnxBackend.load(small, 'onnx', { device: 'cuda:0', threads: 1 }), {
    code: 'INF_DEVICE_UNAVAILABLE',
  });
});
