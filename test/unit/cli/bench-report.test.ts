import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Latency, Spread } from '#src/benchmark/figures';
import type { BenchmarkReport, ContestantReport } from '#src/benchmark/report';
import { reportText } from '#src/cli/bench-report';

const spread = (median: number): Spread => ({ median, min: median / 2, max: median * 2 });
const latency = (p50: number, p99: number | null): Latency => ({
  calls: 50,
  p50,
  p90: 2 * p50,
  p99,
  rounds: spread(p50),
});

const contestant = (name: ContestantReport['name'], p50: number, share: number | null): ContestantReport => ({
  name,
  file: 'model.onnx',
  coldStart: spread(500),
  load: spread(200),
  firstRun: spread(20),
  memory: { loaded: 100e6, peak: 150e6 },
  latency: latency(p50, null),
  loopDelay: { p50: 0, p99: 0.5, max: 3 },
  batches: [
    {
      batch: 1,
      call: latency(p50, null),
      inferencesPerSecond: spread(1000 / p50),
      share,
      shareOfConvolution: share && 2 * share,
      reason: null,
    },
    {
      batch: 8,
      call: null,
      inferencesPerSecond: null,
      share: null,
      shareOfConvolution: null,
      reason: 'its input x has a first dimension of 1',
    },
  ],
  concurrency: [
    {
      clients: 4,
      inferencesPerSecond: spread(40),
      latency: latency(100, 250),
      batchSize: name === 'infernode' ? 3.5 : null,
    },
  ],
});

const report: BenchmarkReport = {
  schemaVersion: 1,
  date: '2026-01-02T03:04:05.678Z',
  machine: {
    node: 'v20.17.0',
    platform: 'linux',
    arch: 'x64',
    libc: null,
    cpu: { model: 'A CPU', features: ['avx2', 'fma'] },
    cores: 4,
    threads: 3,
    memoryBytes: 8e9,
  },
  versions: { infernode: '1.2.3', onnxruntime: '1.30.0' },
  settings: { rounds: 3, seconds: 0.5, threads: 1, batch: [1, 8], concurrency: [4], precision: null },
  model: {
    path: 'folder',
    file: 'folder/1/model.onnx',
    format: 'onnx',
    backend: 'onnx',
    device: 'cpu',
    reason: 'it was asked for',
    precision: 'fp32',
    method: 'forward',
  },
  inputs: { source: 'made up', values: [{ name: 'x', type: 'float32', shape: [1, 4] }] },
  contestants: [contestant('infernode', 4, 0.25)],
  against: null,
  matmul: {
    side: 1024,
    peaks: [
      { operation: 'product', backend: 'onnx', precision: 'fp32', gops: spread(100), reason: null },
      { operation: 'product', backend: 'torch', precision: 'bf16', gops: null, reason: 'there is no libtorch' },
    ],
    gopsOfCall: 0.1234,
    reason: null,
  },
  convolution: {
    rows: 2,
    channels: 256,
    side: 28,
    kernel: 3,
    peaks: [{ operation: 'convolution', backend: 'onnx', precision: 'fp32', gops: spread(50), reason: null }],
  },
};

const lineOf = (text: string, start: string) => text.split('\n').find((line) => line.startsWith(start));

test('the head says what was measured, on what, and that inputs were made up', () => {
  const text = reportText(report);
  assert.equal(lineOf(text, 'backend'), 'backend   onnx on cpu, 1 thread (it was asked for)');
  assert.equal(lineOf(text, 'inputs'), 'inputs    made up: x float32 [1, 4]');
  assert.equal(lineOf(text, 'machine'), 'machine   A CPU, 4 cores, avx2 fma');
  assert.equal(lineOf(text, 'figures'), 'figures   medians of 3 rounds (their range); 0.5 s for each');
});

test('a folder that has another format too says how to measure that', () => {
  const note = /has an ONNX file too: --backend onnx measures it/;
  assert.doesNotMatch(reportText(report), note);
  const model = { ...report.model, format: 'torchscript' as const, file: 'folder/1/model.pt' };
  assert.match(reportText({ ...report, model }), note);
  assert.doesNotMatch(reportText({ ...report, model: { ...model, path: model.file } }), note);
  assert.doesNotMatch(reportText({ ...report, model, matmul: { ...report.matmul, gopsOfCall: null } }), note);
});

test('short times are in microseconds, with their range', () => {
  const text = reportText({ ...report, contestants: [contestant('infernode', 0.04, null)] });
  assert.match(lineOf(text, 'one call, p50')!, / 40\.0 us \(20\.0\.\.80\.0\)$/);
  assert.match(lineOf(text, '  p90')!, / 80\.0 us$/);
  assert.match(lineOf(text, 'event-loop delay, p50')!, / 0\.0 us$/);
});

test('the model is the one that was given, the file the one that was loaded', () => {
  const text = reportText(report);
  assert.equal(lineOf(text, 'model'), 'model     folder (onnx)');
  assert.equal(lineOf(text, 'file'), 'file      folder/1/model.onnx');
  const { model } = report;
  assert.equal(lineOf(reportText({ ...report, model: { ...model, file: model.path } }), 'file'), undefined);
});

test('a method is named unless it is forward', () => {
  assert.equal(lineOf(reportText(report), 'method'), undefined);
  const text = reportText({ ...report, model: { ...report.model, method: 'encode' } });
  assert.equal(lineOf(text, 'method'), 'method    encode');
});

test('a figure is a median with its range, and what was not measured has no line', () => {
  const text = reportText(report);
  assert.match(lineOf(text, 'one call, p50')!, / 4\.00 ms \(2\.00\.\.8\.00\)$/);
  assert.match(lineOf(text, '  p90')!, / 8\.00 ms$/);
  assert.match(lineOf(text, 'batch 1, inferences/s')!, / 250 \(125\.\.500\)$/);
  assert.match(lineOf(text, '  of the best product')!, / 25 %$/);
  assert.match(lineOf(text, '  of the best convolution')!, / 50 %$/);
  assert.equal(lineOf(text, 'batch 8'), undefined);
  assert.equal(lineOf(text, 'note: no batch of 8'), 'note: no batch of 8: its input x has a first dimension of 1');
  assert.match(lineOf(text, '4 clients')!, / 40\.0 \(20\.0\.\.80\.0\)$/);
  assert.match(lineOf(text, '  requests in a call')!, / 3\.5$/);
  assert.match(lineOf(text, '  at peak')!, / 150 MB$/);
  const product = lineOf(text, 'note: best product')!;
  assert.match(product, /1024 x 1024 .*: fp32 onnx 200, bf16 torch absent \(there is no libtorch\)$/);
  assert.match(lineOf(text, 'note: best convolution')!, /256 filters of 3 x 3\), Gop\/s: fp32 onnx 100$/);
});

test('a second contestant has a column, and the last one is the ratio', () => {
  const text = reportText({
    ...report,
    contestants: [...report.contestants, contestant('onnxruntime-node', 8, null)],
    against: {
      name: 'onnxruntime-node',
      absent: null,
      agreement: { difference: 0.000012, output: 'y', tolerance: 0.001 },
      ratios: {
        coldStart: spread(1),
        latency: spread(2),
        batches: [{ batch: 1, ratio: spread(2) }],
        concurrency: [{ clients: 4, ratio: spread(1) }],
      },
    },
  });
  assert.match(text, /^ +infernode onnx +onnxruntime-node +times as fast$/m);
  assert.match(lineOf(text, 'one call, p50')!, /4\.00 ms \(.*\) +8\.00 ms \(.*\) +2\.00x \(1\.00\.\.4\.00\)$/);
  assert.match(lineOf(text, '  of the best product')!, / 25 %$/);
  assert.match(lineOf(text, 'note: the answers agree')!, /within 0\.000012 of the largest element; 0\.001 is allowed$/);
});

test('on a narrow terminal the figures come without their ranges', () => {
  const wide = reportText(report);
  const width = Math.max(...wide.split('\n').map((line) => line.length));
  assert.equal(reportText(report, width), wide);
  const narrow = reportText(report, 40);
  assert.match(lineOf(narrow, 'one call, p50')!, / 4\.00 ms$/);
  assert.match(lineOf(narrow, 'batch 1, inferences/s')!, / 250$/);
  assert.equal(lineOf(narrow, 'figures'), 'figures   medians of 3 rounds; 0.5 s for each');
});

test('a share of what is not measured has its reason, beside the operations', () => {
  const text = reportText({
    ...report,
    matmul: { ...report.matmul, reason: 'nothing here could be measured in bf16' },
  });
  assert.match(text, /^note: one call takes 0\.123 Gop/m);
  assert.match(text, /^note: no share of the best product or convolution: nothing here could be measured in bf16$/m);
});

test('what is absent is said with its reason', () => {
  const against = { name: 'onnxruntime-node', absent: 'there is no ONNX file', agreement: null, ratios: null } as const;
  const matmul = { ...report.matmul, gopsOfCall: null, reason: 'there is none of this model' };
  const text = reportText({ ...report, against, matmul });
  assert.equal(lineOf(text, 'note: onnxruntime-node'), 'note: onnxruntime-node is absent: there is no ONNX file');
  assert.equal(
    lineOf(text, 'note: no share'),
    'note: no share of the best product or convolution: there is none of this model',
  );
});
