import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BackendStatus, ModelInfo } from '#src/backends/backend';
import { type SystemInfo, systemInfo } from '#src/config/system-info';
import { convertsFile, loadPrecision } from '#src/conversion/build';
import { type Situation, selectBuilds } from '#src/optimize/selector';

const machine = (...features: string[]): SystemInfo => ({
  ...systemInfo(),
  arch: 'x64',
  cpu: { model: 'test', features },
});
const modern = machine('avx2', 'avx512_vnni', 'avx512_bf16');

const status = (name: 'torch' | 'onnx', available = true): BackendStatus => ({
  name,
  available,
  reason: available ? 'works' : 'is not installed',
  version: '1',
  devices: ['cpu'],
  formats: name === 'torch' ? ['torchscript', 'aotinductor'] : ['onnx'],
  attempts: [],
});

const weights = (dtypes: Record<string, number>) => ({ parameters: { count: 10, bytes: 40, dtypes } });
const info = (ops: string[], rest: Partial<ModelInfo> = {}) =>
  ({
    ops: Object.fromEntries(ops.map((op) => [op, 1])),
    stateful: false,
    ...weights({ float32: 10 }),
    ...rest,
  }) as ModelInfo;

const base: Situation = {
  system: modern,
  backends: [status('torch'), status('onnx')],
  files: [{ file: 'model.pt', format: 'torchscript' }],
  info: info(['aten::linear', 'aten::relu']),
  calibrates: true,
  objective: 'latency',
};
const onnxFiles: Situation['files'] = [{ file: 'model.onnx', format: 'onnx' }];

const namesOf = (situation: Situation) => selectBuilds(situation).builds.map(({ name }) => name);
const reasonOf = (situation: Situation, name: string) =>
  selectBuilds(situation).passedOver.find((each) => each.name === name)?.reason ?? '';

const STATIC = ['torch int8 static', 'torch int8 static mse'];

describe('the builds of a TorchScript model', () => {
  test('with linear layers are dynamic INT8 too', () => {
    assert.deepEqual(namesOf(base), ['torch fp32', 'torch bf16', 'torch int8 dynamic', ...STATIC]);
  });

  test('with convolutions are NHWC too, and not dynamic', () => {
    const situation = { ...base, info: info(['aten::_convolution', 'aten::linear']) };
    assert.deepEqual(namesOf(situation), ['torch fp32', 'torch fp32 nhwc', 'torch bf16 nhwc', ...STATIC]);
    assert.match(reasonOf(situation, 'torch int8 dynamic'), /convolutions/);
  });

  test('without either are not dynamic', () => {
    const situation = { ...base, info: info(['aten::relu']) };
    assert.equal(namesOf(situation).includes('torch int8 dynamic'), false);
    assert.match(reasonOf(situation, 'torch int8 dynamic'), /no linear or recurrent layer/);
  });

  test('are in BF16 only where the CPU has it', () => {
    const situation = { ...base, system: machine('avx2', 'avx512_vnni') };
    assert.equal(namesOf(situation).includes('torch bf16'), false);
    assert.match(reasonOf(situation, 'torch bf16'), /no instructions for BF16/);
  });

  test('are never in FP16', () => {
    for (const objective of ['latency', 'throughput', 'memory'] as const) {
      const { builds } = selectBuilds({ ...base, objective });
      assert.ok(builds.every(({ precision }) => precision !== 'fp16'));
    }
    assert.match(reasonOf(base, 'torch fp16'), /slower/);
  });
});

describe('the builds of an ONNX model', () => {
  const situation = { ...base, files: onnxFiles, info: info(['Conv', 'Gemm']) };

  test('are in FP16 only to save memory', () => {
    assert.deepEqual(namesOf(situation), ['onnx fp32', 'onnx int8 static', 'onnx int8 static mse']);
    assert.match(reasonOf(situation, 'onnx fp16'), /memory/);
    assert.ok(namesOf({ ...situation, objective: 'memory' }).includes('onnx fp16'));
  });

  test('with matrix products are dynamic INT8 too', () => {
    assert.ok(namesOf({ ...situation, info: info(['MatMul']) }).includes('onnx int8 dynamic'));
  });
});

describe('INT8', () => {
  test('has seven bits where the CPU has no VNNI', () => {
    for (const [system, reduceRange] of [
      [modern, false],
      [machine('avx2'), true],
    ] as const) {
      const { builds } = selectBuilds({ ...base, system, files: [...base.files, ...onnxFiles] });
      const int8 = builds.filter(({ precision }) => precision === 'int8');
      assert.equal(int8.length, 6);
      for (const build of int8) assert.equal(build.reduceRange, reduceRange, build.name);
    }
  });

  test('is not static without samples to calibrate on', () => {
    const situation = { ...base, calibrates: false };
    assert.deepEqual(namesOf(situation), ['torch fp32', 'torch bf16', 'torch int8 dynamic']);
    assert.match(reasonOf(situation, 'torch int8 static'), /samples/);
  });
});

describe('a model stays as it is', () => {
  const cases: [what: string, info: ModelInfo, saved: string, reason: RegExp][] = [
    ['that is quantized', info(['quantized::linear']), 'int8 as saved', /quantized already/],
    ['that keeps state', info(['aten::linear'], { stateful: true }), 'fp32', /state/],
  ];
  for (const [what, each, saved, reason] of cases) {
    test(what, () => {
      const situation = { ...base, info: each, files: [...base.files, ...onnxFiles] };
      assert.deepEqual(namesOf(situation), [`torch ${saved}`, `onnx ${saved}`]);
      for (const build of selectBuilds(situation).builds) {
        assert.deepEqual([convertsFile(build), loadPrecision(build)], [false, 'auto']);
      }
      assert.match(reasonOf(situation, 'torch bf16, int8'), reason);
      assert.match(reasonOf(situation, 'onnx int8, fp16'), reason);
    });
  }

  test('in half precision is called so, and converted to others', () => {
    const half = { ...base, info: info(['aten::linear'], weights({ float16: 9, float32: 1 })) };
    assert.deepEqual(namesOf(half), ['torch fp16 as saved', 'torch bf16', 'torch int8 dynamic', ...STATIC]);
    const brain = { ...base, info: info(['aten::linear'], weights({ bfloat16: 10 })) };
    assert.deepEqual(namesOf(brain), ['torch bf16 as saved', 'torch int8 dynamic', ...STATIC]);
    assert.match(reasonOf(brain, 'torch bf16'), /already/);
    assert.equal(loadPrecision(selectBuilds(brain).builds[0]!), 'auto');
  });

  test('that is compiled', () => {
    assert.deepEqual(namesOf({ ...base, files: [{ file: 'model.pt2', format: 'aotinductor' }] }), [
      'torch fp32 (compiled)',
    ]);
  });
});

test('a backend that is not there is passed over, with its reason', () => {
  const situation = {
    ...base,
    backends: [status('torch', false), status('onnx')],
    files: [...base.files, ...onnxFiles],
  };
  assert.ok(selectBuilds(situation).builds.every(({ backend }) => backend === 'onnx'));
  assert.equal(reasonOf(situation, 'torch'), 'is not installed');
  assert.deepEqual(namesOf({ ...base, backends: [status('onnx')] }), []);
});

test('the float build comes first, and no two have one name', () => {
  const { builds } = selectBuilds({ ...base, files: [...base.files, ...onnxFiles], objective: 'memory' });
  assert.equal(builds[0]!.precision, 'fp32');
  assert.equal(new Set(builds.map(({ name }) => name)).size, builds.length);
});
