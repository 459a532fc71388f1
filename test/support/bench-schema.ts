import assert from 'node:assert/strict';

/** What a value must be: a test, an object with exactly these fields, or a list of one kind. */
type Shape = ((value: unknown) => boolean) | { readonly [field: string]: Shape } | readonly [Shape];

const text: Shape = (value) => typeof value === 'string';
const number: Shape = (value) => typeof value === 'number' && Number.isFinite(value);
const positive: Shape = (value) => typeof value === 'number' && value > 0 && Number.isFinite(value);
const orNull =
  (shape: Shape): Shape =>
  (value) =>
    value === null || fits(value, shape);
const anyOf =
  (...values: unknown[]): Shape =>
  (value) =>
    values.includes(value);

const spread = { median: positive, min: positive, max: positive };
const latency = { calls: positive, p50: positive, p90: orNull(positive), p99: orNull(positive), rounds: spread };
const precision = orNull(anyOf('fp32', 'bf16', 'int8'));

const peak = {
  operation: anyOf('product', 'convolution'),
  backend: anyOf('torch', 'onnx'),
  precision: anyOf('fp32', 'bf16', 'int8'),
  gops: orNull(spread),
  reason: orNull(text),
};

/** The schema of `infernode bench --json`, as docs/BENCH.md has it. */
const report: Shape = {
  schemaVersion: anyOf(1),
  date: (value) => !Number.isNaN(Date.parse(value as string)),
  machine: {
    node: text,
    platform: text,
    arch: text,
    libc: orNull(text),
    cpu: { model: text, features: orNull([text]) },
    cores: positive,
    threads: positive,
    memoryBytes: positive,
  },
  versions: { infernode: text, node: text, libtorch: text, onnxruntime: text },
  settings: {
    rounds: positive,
    seconds: positive,
    threads: positive,
    batch: [positive],
    concurrency: [positive],
    precision: orNull(text),
  },
  model: { path: text, file: text, format: text, backend: text, device: text, reason: text, precision, method: text },
  inputs: { source: anyOf('given', 'made up'), values: [{ name: text, type: text, shape: orNull([number]) }] },
  contestants: [
    {
      name: anyOf('infernode', 'onnxruntime-node'),
      file: text,
      coldStart: spread,
      load: spread,
      firstRun: spread,
      memory: { loaded: positive, peak: positive },
      latency,
      loopDelay: { p50: number, p99: number, max: number },
      batches: [
        {
          batch: positive,
          call: orNull(latency),
          inferencesPerSecond: orNull(spread),
          share: orNull(positive),
          shareOfConvolution: orNull(positive),
          reason: orNull(text),
        },
      ],
      concurrency: [{ clients: positive, inferencesPerSecond: spread, latency, batchSize: orNull(positive) }],
    },
  ],
  against: orNull({
    name: anyOf('onnxruntime-node'),
    absent: orNull(text),
    agreement: orNull({ difference: number, output: text, tolerance: positive }),
    ratios: orNull({
      coldStart: spread,
      latency: spread,
      batches: [{ batch: positive, ratio: spread }],
      concurrency: [{ clients: positive, ratio: spread }],
    }),
  }),
  matmul: {
    side: positive,
    peaks: [peak],
    gopsOfCall: orNull(positive),
    reason: orNull(text),
  },
  convolution: { rows: positive, channels: positive, side: positive, kernel: positive, peaks: [peak] },
};

/** Asserts that a value is a report of `infernode bench`: all fields, of the right kinds, and no others. */
export function assertBenchReport(value: unknown): void {
  check(value, report, 'report');
}

function fits(value: unknown, shape: Shape): boolean {
  try {
    check(value, shape, '');
    return true;
  } catch {
    return false;
  }
}

function check(value: unknown, shape: Shape, path: string): void {
  if (typeof shape === 'function') {
    assert.ok(shape(value), `${path} is ${JSON.stringify(value)}`);
  } else if (Array.isArray(shape)) {
    assert.ok(Array.isArray(value), `${path} is no list`);
    for (const [index, item] of value.entries()) check(item, shape[0] as Shape, `${path}[${index}]`);
  } else {
    assert.ok(typeof value === 'object' && value !== null, `${path} is no object`);
    assert.deepEqual(Object.keys(value).sort(), Object.keys(shape).sort(), path);
    for (const [field, inner] of Object.entries(shape)) {
      check((value as Record<string, unknown>)[field], inner as Shape, `${path}.${field}`);
    }
  }
}
