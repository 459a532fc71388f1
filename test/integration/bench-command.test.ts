import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { benchmark } from '#src/benchmark/benchmark';
import type { BenchmarkReport } from '#src/benchmark/report';
import { assertBenchReport } from '../support/bench-schema.js';
import { addOne, writeModel } from '../support/onnx-builder.js';
import { bundledModel, repository } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';
import { makeFolder } from '../unit/support/files.js';

/** Of the bundled model, by its layers: pixels of the output, output channels, and the size of a kernel. */
const MULTIPLICATIONS = [
  [1024, 16, 27],
  ...[144, 288, 16, 9, 32].map((kernel) => [256, 32, kernel]),
  ...[288, 576, 32, 9, 64].map((kernel) => [64, 64, kernel]),
  ...[576, 792, 64, 9, 88].map((kernel) => [16, 88, kernel]),
  [1, 10, 88],
].reduce((sum, [pixels, channels, kernel]) => sum + pixels! * channels! * kernel!, 0);
const SHORT = ['--rounds', '2', '--seconds', '0.02'];

function start(...args: string[]): ChildProcess {
  const env = { ...process.env, INFERNODE_DEBUG: '' };
  return spawn(process.execPath, [join(repository, 'dist/cli/main.js'), 'bench', ...args], { cwd: repository, env });
}

async function bench(...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = start(...args);
  let [out, err] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, err };
}

async function json(...args: string[]): Promise<BenchmarkReport> {
  const { code, out, err } = await bench(...args, '--json');
  assert.equal(code, 0, out + err);
  const report = JSON.parse(out);
  assertBenchReport(report);
  return report;
}

for (const backend of ['torch', 'onnx']) {
  const skip = backend === 'torch' && needsTorch;
  test(`the bundled model on ${backend}, against onnxruntime-node`, { skip, timeout: 120_000 }, async () => {
    const report = await json(bundledModel, '--backend', backend, '--against', 'onnxruntime-node', ...SHORT);
    assert.equal(report.model.backend, backend);
    assert.deepEqual(report.inputs, {
      source: 'made up',
      values: [{ name: 'image', type: 'float32', shape: [1, 3, 64, 64] }],
    });
    const { contestants, against, matmul, settings } = report;
    assert.deepEqual(
      contestants.map(({ name }) => name),
      ['infernode', 'onnxruntime-node'],
    );
    assert.equal(contestants[1]!.file, join(bundledModel, '1/model.onnx'));
    assert.equal(against!.absent, null);
    assert.ok(against!.agreement!.difference < 1e-3);
    assert.deepEqual(
      against!.ratios!.batches.map(({ batch }) => batch),
      [1, 8],
    );
    assert.deepEqual([settings.rounds, settings.seconds], [2, 0.02]);
    for (const { batches, concurrency } of contestants) {
      assert.ok(batches.every(({ share, shareOfConvolution }) => share !== null && shareOfConvolution !== null));
      assert.deepEqual(
        concurrency.map(({ clients }) => clients),
        [1, 4],
      );
    }
    assert.ok(contestants[0]!.concurrency[0]!.batchSize === 1);
    assert.equal(contestants[1]!.concurrency[1]!.batchSize, null);
    assert.equal(matmul.gopsOfCall, (2 * MULTIPLICATIONS) / 1e9);
    assert.ok(matmul.peaks.some((peak) => peak.backend === 'onnx' && peak.precision === 'int8' && peak.gops !== null));
  });
}

test('given inputs, other batches and clients, and a table', { timeout: 120_000 }, async () => {
  const picture = join(bundledModel, 'samples/star.png');
  const more = ['--batch', '3', '--concurrency', '2', '--threads', '1', ...SHORT];
  const { code, out, err } = await bench(bundledModel, '--backend', 'onnx', '-i', picture, ...more);
  assert.equal(code, 0, err);
  assert.match(out, /^inputs +given: image float32 \[1, 3, 64, 64\]$/m);
  assert.match(out, /^batch 3, inferences\/s +\d/m);
  assert.match(out, /^2 clients, inferences\/s +\d/m);
  assert.doesNotMatch(out, /batch 1|batch 8|4 clients|onnxruntime-node {2}/);
});

test('its progress ends with how long the other rounds will take', { timeout: 120_000 }, async () => {
  const told: string[] = [];
  await benchmark(bundledModel, {
    load: { backend: 'onnx' },
    inputs: async () => null,
    batch: [1],
    concurrency: [1],
    rounds: 3,
    seconds: 0.03,
    against: false,
    onProgress: (_, what) => told.push(what),
  });
  const rounds = told.filter((what) => what.startsWith('round '));
  assert.equal(rounds[0], 'round 1 of 3');
  assert.match(rounds[1]!, /^round 2 of 3, about \d+ s left$/);
  assert.match(rounds[2]!, /^round 3 of 3, about \d+ s left$/);
});

test('a model without an ONNX file is measured alone', { skip: needsTorch, timeout: 120_000 }, async () => {
  const args = ['--input', 'x=[1,2]', '--batch', '1,4', '--against', 'onnxruntime-node', ...SHORT];
  const { contestants, against, inputs, matmul } = await json(fixture('counter.pt'), ...args);
  assert.equal(inputs.source, 'given');
  assert.equal(contestants.length, 1);
  assert.match(against!.absent!, /no ONNX file/);
  assert.deepEqual([against!.agreement, against!.ratios], [null, null]);
  assert.match(contestants[0]!.batches[1]!.reason!, /depend on the ones before/);
  assert.equal(matmul.gopsOfCall, null);
  assert.match(matmul.reason!, /counted in ONNX files/);
});

test('another method is measured', { skip: needsTorch, timeout: 120_000 }, async () => {
  const args = ['--method', 'twice', '--input', 'x=[1,2]', '--batch', '1', '--against', 'onnxruntime-node', ...SHORT];
  const { model, contestants, against } = await json(fixture('outputs.pt'), ...args);
  assert.equal(model.method, 'twice');
  assert.ok(contestants[0]!.latency.calls > 0);
  assert.match(against!.absent!, /ONNX files do what forward does, not twice/);
});

test('answers that differ fail the command', { skip: needsTorch, timeout: 120_000 }, async (t) => {
  const folder = await makeFolder(t, {});
  await mkdir(join(folder, '1'));
  await copyFile(fixture('tiny.pt'), join(folder, '1/model.pt'));
  await writeModel(join(folder, '1/model.onnx'), addOne());
  const args = ['--input', 'x=[1,2,3,4]', '--against', 'onnxruntime-node', '--json', ...SHORT];
  const { code, out } = await bench(folder, ...args);
  assert.equal(code, 1);
  const { error } = JSON.parse(out);
  assert.equal(error.code, 'INF_OUTPUT_MISMATCH');
  // 2x + 1 and x + 1 differ by 4, and the larger answer of the runtime is 5.
  assert.equal(error.details.given, '0.8');
});

const WRONG: [args: string[], code: number, message: RegExp][] = [
  [['no-such-model.onnx'], 1, /INF_MODEL_NOT_FOUND/],
  [['README.md'], 1, /INF_MODEL_FORMAT/],
  [[fixture('tiny.onnx'), '--input', 'z=[1]'], 1, /INF_INPUT_UNKNOWN/],
  [[fixture('tiny.onnx'), '--input', 'x=["a"]'], 1, /INF_(INPUT|TENSOR|FILE)_/],
  [[fixture('tiny.onnx'), '--method', 'encode'], 1, /INF_METHOD_UNKNOWN/],
  [['x'], 1, /INF_MODEL_NOT_FOUND/],
  [[], 2, /missing required argument/],
  [['x', '--batch', '1,0'], 2, /whole number from 1/],
  [['x', '--batch', '99999999999999999999'], 2, /too large/],
  [['x', '--concurrency', 'many'], 2, /whole number from 1/],
  [['x', '--rounds', '0'], 2, /whole number from 1/],
  [['x', '--seconds', '0'], 2, /time in seconds/],
  [['x', '--seconds', ''], 2, /time in seconds/],
  [['x', '--against', 'torch'], 2, /Allowed choices are onnxruntime-node/],
];

for (const [args, expected, message] of WRONG) {
  test(`an error: bench ${args.join(' ')}`, { timeout: 60_000 }, async () => {
    const { code, out, err } = await bench(...args);
    assert.match(err, message);
    assert.equal(code, expected);
    assert.equal(out, '');
  });
}

/** Whether a process runs; one that has ended may stay listed until somebody asks how. */
function alive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`${signal} leaves no process behind`, { timeout: 60_000 }, async () => {
    const child = start(bundledModel, '--backend', 'onnx', '--seconds', '30');
    const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
    const children = () =>
      spawnSync('pgrep', ['-P', String(child.pid), '-f', 'contestant-child'], { encoding: 'utf8' })
        .stdout.split('\n')
        .filter(Boolean)
        .map(Number);
    let running: number[] = [];
    // The processes of the rounds, and those of the products of matrices.
    while (running.length < 3) {
      running = children();
      await sleep(20);
    }
    child.kill(signal);
    assert.equal(await closed, signal === 'SIGINT' ? 1 : null);
    while (running.some(alive)) await sleep(20);
  });
}
