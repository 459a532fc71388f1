import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { load, Tensor } from 'infernode';
import type { Build } from '#src/conversion/build';
import { CandidateProcess } from '#src/conversion/candidate-process';
import type { CandidateFile } from '#src/conversion/candidate-protocol';
import { assertNear } from '../../support/accuracy.js';
import { rejects } from '../../support/expect-error.js';
import { repository } from '../../support/test-data.js';
import { fixture, needsTorch } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';
import { noiseTensor } from './onnx/models.js';

const ONNX: CandidateFile = {
  backend: 'onnx',
  file: fixture('tiny.onnx'),
  format: 'onnx',
  precision: 'auto',
  layout: {},
  threads: 1,
  libtorch: undefined,
};
const torch = (name: string): CandidateFile => ({
  ...ONNX,
  backend: 'torch',
  file: fixture(`${name}.pt`),
  format: 'torchscript',
});
const dynamic: Build = {
  name: 'torch int8 dynamic',
  backend: 'torch',
  source: fixture('quantize-linear.pt'),
  format: 'torchscript',
  precision: 'int8',
  mode: 'dynamic',
};
const x = new Tensor('float32', Float32Array.of(1, 2, 3));

/** A process that ends with the test, even if that fails. */
function start(t: TestContext): CandidateProcess {
  const child = new CandidateProcess();
  t.after(() => child.end());
  return child;
}

/** The processes whose parent is this one. */
function childrenOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(ppid) === parent && state !== 'Z' ? [Number(pid)] : [];
    } catch {
      return [];
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !stat.slice(stat.lastIndexOf(')')).startsWith(') Z');
  } catch {
    return false;
  }
}

/** Waits until something holds; a test that waits for ever fails by its timeout. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20);
}

describe('a candidate in a process of its own', () => {
  test('loads and runs', async (t) => {
    const child = start(t);
    const { loadMs } = await child.load(ONNX);
    assert.ok(loadMs > 0);
    const { output } = await child.run({ x });
    assert.ok(output instanceof Tensor);
    assert.deepEqual(output.toArray(), [3, 5, 7]);
    assert.ok((await child.latency({ x }, 10)) > 0);
  });

  test('takes inputs under the names of another export', async (t) => {
    const child = start(t);
    await child.load(ONNX);
    assert.deepEqual((await child.run({ image: x })).output!.toArray(), [3, 5, 7]);
  });

  test('takes inputs that are no tensors', { skip: needsTorch }, async (t) => {
    const child = start(t);
    await child.load(torch('containers'));
    const inputs = { pair: [x, x], items: [x, x], table: { a: x }, sizes: [1, 2] };
    assert.deepEqual((await child.run(inputs)).output!.toArray(), [6, 9, 12]);
  });

  test('passes coded errors on, and goes on', async (t) => {
    const child = start(t);
    await rejects(child.load({ ...ONNX, file: '/no/such/model.onnx' }), 'INF_MODEL_NOT_FOUND', '/no/such/model.onnx');
    await child.load(ONNX);
    await rejects(child.run({ x: new Tensor('int32', Int32Array.of(1)) }), 'INF_INPUT_DTYPE', 'int32');
    assert.deepEqual((await child.run({ x })).output!.toArray(), [3, 5, 7]);
  });

  test('is measured, alone and in batches', { timeout: 60_000 }, async (t) => {
    const child = start(t);
    await child.load(ONNX);
    const { latencyMs, p90Ms, busyLatencyMs, throughput, memoryBytes } = await child.measure({ x }, { x });
    assert.ok(latencyMs > 0 && p90Ms >= latencyMs && busyLatencyMs > 0);
    assert.ok(throughput >= 1000 / latencyMs);
    assert.ok(memoryBytes > 1e6);
  });

  test('is converted, and tells about each sample', { skip: needsTorch }, async (t) => {
    const target = join(await makeFolder(t, {}), 'int8.pt');
    const child = start(t);
    assert.deepEqual([...(await child.layers(dynamic, undefined))], ['up', 'down']);
    const seen: number[] = [];
    const samples = [1, 2, 3].map((seed) => ({ x: noiseTensor([4, 16], seed) }));
    const build: Build = { ...dynamic, mode: 'static', observer: 'min-max' };
    const report = await child.convert(build, target, samples, undefined, (count) => seen.push(count));
    assert.deepEqual(seen, [1, 2, 3]);
    assert.deepEqual(report, { converted: { 'quantized::linear': 1, 'quantized::linear_relu': 1 }, left: {} });
    await using quantized = await load(target, { backend: 'torch' });
    await using float = await load(dynamic.source);
    const input = noiseTensor([4, 16], 99);
    assertNear(await quantized.run([input]), await float.run([input]), 0.99);
  });
});

describe('a process that crashes', () => {
  afterEach(() => {
    delete process.env.NODE_OPTIONS;
  });

  /** A process that runs this when it is asked anything. */
  async function startWith(t: TestContext, source: string): Promise<CandidateProcess> {
    const folder = await makeFolder(t, { 'crash.cjs': `process.on('message', () => { ${source} });` });
    process.env.NODE_OPTIONS = `--require ${join(folder, 'crash.cjs')}`;
    return start(t);
  }

  const crashes: [what: string, source: string, ...says: string[]][] = [
    ['by a signal', 'process.kill(process.pid, "SIGSEGV"); for (;;);', 'signal SIGSEGV'],
    ['by exit', 'process.exit(3)', 'exit code 3'],
    [
      'with last words',
      'console.error("first\\nlibfoo: assertion failed"); process.exit(4)',
      'exit code 4',
      ': libfoo: assertion failed',
    ],
  ];
  for (const [what, source, ...says] of crashes) {
    test(`${what} is told with its reason, then and later`, { timeout: 60_000 }, async (t) => {
      const child = await startWith(t, source);
      await rejects(child.load(ONNX), 'INF_BACKEND_CRASHED', ...says);
      await rejects(child.run({ x }), 'INF_BACKEND_CRASHED', ...says);
      await child.end();
    });
  }
});

describe('the end of a process', () => {
  /** Starts a call that takes hours. */
  async function startLong(t: TestContext) {
    const before = childrenOf(process.pid);
    const child = start(t);
    const pid = childrenOf(process.pid).find((each) => !before.includes(each))!;
    await child.load(torch('slow'));
    const call = child.run({ x: noiseTensor([64, 64]), steps: 1e9 });
    call.catch(() => {});
    return { child, pid, call };
  }

  test('comes at once, in the middle of a call, which fails', { skip: needsTorch, timeout: 60_000 }, async (t) => {
    const { child, pid, call } = await startLong(t);
    assert.ok(isAlive(pid));
    await sleep(100);
    await child.end();
    assert.equal(isAlive(pid), false);
    await rejects(call, 'INF_BACKEND_CRASHED', 'SIGKILL');
    await rejects(child.run({ x }), 'INF_BACKEND_CRASHED', 'SIGKILL');
    await child.end();
  });

  for (const [what, end] of [
    ['is killed', (pid: number) => process.kill(pid, 'SIGKILL')],
    ['is told to end', (pid: number) => process.kill(pid, 'SIGTERM')],
  ] as const) {
    test(`comes with its parent, when that ${what}`, { skip: needsTorch, timeout: 60_000 }, async () => {
      const script = `
        import { Tensor } from 'infernode';
        import { CandidateProcess } from ${JSON.stringify(pathToFileURL(join(repository, 'dist/conversion/candidate-process.js')))};
        const child = new CandidateProcess();
        await child.load(${JSON.stringify(torch('slow'))});
        const call = child.run({ x: new Tensor('float32', new Float32Array(4096), [64, 64]), steps: 1e9 });
        setTimeout(() => console.log('busy'), 100);
        await call;`;
      const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
        cwd: repository,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await new Promise((resolve) => parent.stdout.once('data', resolve));
      const [child] = childrenOf(parent.pid!);
      assert.ok(child !== undefined && isAlive(child));
      end(parent.pid!);
      await until(() => !isAlive(child));
    });
  }
});
