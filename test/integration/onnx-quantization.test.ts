import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { load, type Tensor } from 'infernode';
import { convertOnnx } from '#src/conversion/onnx/convert';
import type { ModelProto } from '#src/conversion/onnx/onnx-proto';
import { onnxSchema } from '#src/conversion/onnx/proto-schema';
import { readModel } from '#src/conversion/onnx/read-model';
import type { OnnxRecipe } from '#src/conversion/onnx/recipe';
import { inferTypes } from '#src/conversion/onnx/value-types';
import type { DType } from '#src/tensor/dtype';
import { cosine } from '../support/accuracy.js';
import { offBy, reduceRange } from '../support/cpu.js';
import { rejects } from '../support/expect-error.js';
import { cifar10, imagenet, keywords, mnist, type Sample } from '../support/labelled.js';
import { fill } from '../support/lcg.js';
import {
  needsOnnxPython,
  type OnnxInputs,
  onnxPython,
  type PeerModels,
  quantizeWithPython,
  runOnnxPython,
} from '../support/onnx-peer.js';
import { dataFile, needsTestData, repository } from '../support/test-data.js';

const skip = needsTestData || needsOnnxPython;
const folder = mkdtempSync(join(tmpdir(), 'infernode-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const ways = {
  static: { precision: 'int8', mode: 'static', reduceRange },
  dynamic: { precision: 'int8', mode: 'dynamic', reduceRange },
  fp16: { precision: 'fp16' },
} as const satisfies Record<string, OnnxRecipe>;
type Way = keyof typeof ways;

/** What a model answers to each of some inputs: all outputs, one after the other. */
async function answers(path: string, inputs: readonly OnnxInputs[]): Promise<Float64Array[]> {
  await using model = await load(path, { threads: 1 });
  const list: Float64Array[] = [];
  for (const each of inputs) {
    const outputs = await model.run(each);
    list.push(Float64Array.from(Object.values(outputs).flatMap((tensor) => Array.from(tensor.toNumbers()))));
  }
  return list;
}

function meanCosine(got: readonly Float64Array[], want: readonly Float64Array[]): number {
  return got.reduce((sum, each, i) => sum + cosine(each, want[i]!), 0) / got.length;
}

function top1(got: readonly Float64Array[], labels: readonly number[]): number {
  const right = got.filter((scores, i) => scores.indexOf(Math.max(...scores)) === labels[i]);
  return right.length / got.length;
}

/** Operators that do the work of a model, under the names they have in any precision. */
const WEIGHTED: Readonly<Record<string, string>> = {
  Conv: 'Conv',
  ConvInteger: 'Conv',
  ConvTranspose: 'ConvTranspose',
  MatMul: 'MatMul',
  Gemm: 'MatMul',
  MatMulInteger: 'MatMul',
  LSTM: 'LSTM',
  DynamicQuantizeLSTM: 'LSTM',
};

/** How many of those compute in 8 bits: by their operator, or because what they take comes out of DequantizeLinear. */
function inIntegers({ graph }: ModelProto): Map<string, number> {
  const dequantized = new Set(graph.node.filter(({ opType }) => opType === 'DequantizeLinear').map((n) => n.output[0]));
  const counts = new Map<string, number>();
  for (const { opType, input } of graph.node) {
    const name = WEIGHTED[opType];
    if (name === undefined) continue;
    const converted = /Integer|Quantize/.test(opType) || (dequantized.has(input[0]) && dequantized.has(input[1]));
    if (converted) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

/** What static quantization covers; see qdq-rules.ts. */
const COVERED = new Set(
  (
    'Add ArgMax AveragePool BatchNormalization Clip Concat Conv ConvTranspose Flatten Gather Gemm GlobalAveragePool ' +
    'InstanceNormalization LayerNormalization LeakyRelu MatMul MaxPool Mul Pad Relu Reshape Resize Sigmoid Slice Softmax ' +
    'Split Squeeze TopK Transpose Unsqueeze Where'
  ).split(' '),
);

/** How many of each of those give float32 and take nothing that comes out of DequantizeLinear. */
function leftOver(model: ModelProto): Map<string, number> {
  const { graph } = model;
  const types = inferTypes(model);
  const dequantized = new Set(graph.node.filter(({ opType }) => opType === 'DequantizeLinear').map((n) => n.output[0]));
  const counts = new Map<string, number>();
  for (const { opType, input, output } of graph.node) {
    if (!COVERED.has(opType) || types.get(output[0]!) !== 1 || input.some((name) => dequantized.has(name))) continue;
    counts.set(opType, (counts.get(opType) ?? 0) + 1);
  }
  return counts;
}

async function checkCoverage(way: Way, ours: string, theirs: string): Promise<void> {
  const [mine, python] = [await readModel(ours), await readModel(theirs)];
  const [own, peer] = [inIntegers(mine), inIntegers(python)];
  if (way === 'static') {
    // Counted from the other side: what is folded or fused before does not have to be quantized.
    const allowed = leftOver(python);
    for (const [operator, count] of leftOver(mine)) {
      assert.ok(
        count <= (allowed.get(operator) ?? 0),
        `${count} ${operator} left, Python ${allowed.get(operator) ?? 0}`,
      );
    }
  }
  for (const [operator, count] of peer) {
    const found = own.get(operator) ?? 0;
    assert.ok(found >= count, `${found} ${operator} in integers, Python ${count}`);
  }
}

/** Ours and Python's answers to the evaluation inputs, for each way that Python can do. */
async function sideBySide(
  t: { diagnostic(text: string): void },
  name: string,
  path: string,
  calibration: readonly OnnxInputs[],
  evaluation: readonly OnnxInputs[],
  check: (way: Way, own: Float64Array[], peer: Float64Array[] | null, float: Float64Array[]) => string,
): Promise<void> {
  const peers: PeerModels = await quantizeWithPython(path, calibration, join(folder, name));
  const float = await answers(path, evaluation);
  for (const way of Object.keys(ways) as Way[]) {
    const target = join(folder, name, `ours-${way}.onnx`);
    const report = await convertOnnx(path, target, ways[way], { samples: calibration });
    assert.ok(Object.values(report.quantized).some((count) => count > 0));
    const own = await answers(target, evaluation);
    let peer: Float64Array[] | null = null;
    if (peers[way] !== null) {
      if (way !== 'fp16') await checkCoverage(way, target, peers[way]);
      // Some of what Python writes does not load: an axis in opset 12, above all.
      peer = await answers(peers[way], evaluation).catch(() => null);
    }
    t.diagnostic(`${way}: ${check(way, own, peer, float)}`);
  }
}

/**
 * Lost cosine may be a quarter more than Python's, and a little besides, for roundings fall differently: it grows with
 * the square of the step, so with 7 bits that little is four times as much.
 */
function checkCosine(own: Float64Array[], peer: Float64Array[] | null, float: Float64Array[], least: number): string {
  const mine = meanCosine(own, float);
  assert.ok(mine >= least, `cosine ${mine}, wanted ${least}`);
  if (peer === null) return `cosine ${mine.toFixed(5)}, Python does not run`;
  const theirs = meanCosine(peer, float);
  assert.ok(1 - mine <= (1 - theirs) * 1.25 + offBy(offBy(1e-5)), `cosine ${mine}, Python ${theirs}`);
  return `cosine ${mine.toFixed(5)}, Python ${theirs.toFixed(5)}`;
}

const classifiers: [path: string, samples: () => AsyncGenerator<Sample>, calibrate: number][] = [
  ['onnx/mobilenet_v2_fp32.onnx', imagenet, 60],
  ['onnx/resnet20_cifar10_fp32.onnx', cifar10(), 200],
  ['onnx/kws_dscnn_fp32.onnx', keywords, 100],
  ['onnx/mnist-8.onnx', mnist(1, 0), 100],
];

describe('classifiers converted here and by Python, on samples they were not calibrated with', { skip }, () => {
  for (const [file, generate, count] of classifiers) {
    test(file, async (t) => {
      const path = dataFile(`models/${file}`);
      const samples: Sample[] = [];
      for await (const sample of generate()) samples.push(sample);
      await using model = await load(path, { threads: 1 });
      const input = model.info.methods.forward!.inputs[0]!.name;
      const inputs = samples.map((sample): OnnxInputs => ({ [input]: sample.input }));
      const labels = samples.slice(count).map(({ label }) => label);
      await sideBySide(
        t,
        file.replace(/\W/g, '_'),
        path,
        inputs.slice(0, count),
        inputs.slice(count),
        (way, own, peer, float) => {
          const cosines = checkCosine(own, peer, float, way === 'fp16' ? 0.9999 : 0.98);
          const mine = top1(own, labels);
          const reference = peer === null ? top1(float, labels) : top1(peer, labels);
          assert.ok(mine >= reference - 0.01, `top-1 ${mine}, Python ${reference}`);
          return `top-1 ${mine.toFixed(4)}, Python ${reference.toFixed(4)}; ${cosines}`;
        },
      );
    });
  }
});

/** Recipes of a model's inputs: shape, and where it matters the range. */
type Shapes = Record<string, { dtype?: DType; shape: number[]; lo?: number; hi?: number }>;

function inputsOf(shapes: Shapes, count: number, seed: number): OnnxInputs[] {
  return Array.from({ length: count }, (_, sample) => {
    const entries = Object.entries(shapes).map(([name, { dtype = 'float32', shape, lo = -1, hi = 1 }], i) => {
      const tensor: Tensor = fill({ name, dtype, shape, seed: 0, lo, hi }, seed + 31 * sample + 7 * i);
      return [name, tensor] as const;
    });
    return Object.fromEntries(entries);
  });
}

const others: [path: string, shapes: Shapes, least: number][] = [
  ['onnx/speech_embedding.onnx', { input_1: { shape: [1, 76, 32, 1] } }, 0.99],
  ['onnx/ultraface_rfb_320.onnx', { input: { shape: [1, 3, 240, 320] } }, 0.99],
  ['onnx/gtcrn_simple.onnx', {}, 0.9],
];

describe('other models', { skip }, () => {
  for (const [file, shapes, least] of others) {
    test(file, async (t) => {
      const path = dataFile(`models/${file}`);
      await using model = await load(path, { threads: 1 });
      const { inputs } = model.info.methods.forward!;
      const known: Shapes = Object.fromEntries(
        inputs.map(({ name, shape }) => [name, shapes[name] ?? { shape: shape!.map(Number) }]),
      );
      const samples = inputsOf(known, 16, 5);
      await sideBySide(
        t,
        file.replace(/\W/g, '_'),
        path,
        samples.slice(0, 8),
        samples.slice(8),
        (_, own, peer, float) => checkCosine(own, peer, float, least),
      );
    });
  }

  test('a transformer encoder and an LSTM, exported by torch', async (t) => {
    runOnnxPython(join(repository, 'test/support/make_sequence_models.py'), folder);
    const models: [string, Shapes][] = [
      ['encoder', { tokens: { dtype: 'int64', shape: [2, 48], lo: 0, hi: 500 } }],
      ['lstm', { features: { shape: [2, 30, 40] } }],
    ];
    for (const [name, shapes] of models) {
      const samples = inputsOf(shapes, 24, 3);
      const path = join(folder, `${name}.onnx`);
      await sideBySide(t, name, path, samples.slice(0, 12), samples.slice(12), (_, own, peer, float) =>
        checkCosine(own, peer, float, 0.995),
      );
    }
  });
});

describe('silero_vad, whose operators are all in branches', { skip }, () => {
  const path = dataFile('models/onnx/silero_vad.onnx');
  const target = join(folder, 'silero.onnx');

  test('is quantized dynamically inside them, which Python does not', async () => {
    const { quantized, bytesBefore, bytesAfter } = await convertOnnx(path, target, ways.dynamic);
    assert.deepEqual(quantized, { Conv: 12, LSTM: 4 });
    assert.ok(bytesAfter < bytesBefore / 2);
    const inputs = Array.from({ length: 8 }, (_, i) => ({
      input: fill({ name: '', dtype: 'float32', shape: [1, 576], seed: 0, lo: -1, hi: 1 }, i + 1),
      state: fill({ name: '', dtype: 'float32', shape: [2, 1, 128], seed: 0, lo: -1, hi: 1 }, i + 90),
      sr: fill({ name: '', dtype: 'int64', shape: [], seed: 0, lo: 16000, hi: 16000 }, 1),
    }));
    const mine = meanCosine(await answers(target, inputs), await answers(path, inputs));
    assert.ok(mine > 0.995, `cosine ${mine}`);
  });

  test('cannot be quantized statically', () =>
    rejects(convertOnnx(path, target, ways.static), 'INF_QUANTIZE_NOTHING').then(() => {}));
});

describe('models that are not float32 any more are refused', { skip: needsTestData }, () => {
  for (const file of ['mobilenetv2-12-int8.onnx', 'squeezenet1_1_fp16.onnx']) {
    for (const [way, recipe] of Object.entries(ways)) {
      test(`${file}, ${way}`, async () => {
        const path = dataFile(`models/onnx/${file}`);
        await rejects(convertOnnx(path, join(folder, 'again.onnx'), recipe), 'INF_QUANTIZED_ALREADY');
      });
    }
  }
});

test('the schema has every field of the installed onnx, with its number', { skip: needsOnnxPython }, () => {
  const script = `
import onnx, json
def walk(message):
    yield message
    for nested in message.nested_types: yield from walk(nested)
rows = {}
for top in onnx.TensorProto.DESCRIPTOR.file.message_types_by_name.values():
    for message in walk(top):
        rows[message.full_name[5:]] = {field.name: field.number for field in message.fields}
print(json.dumps(rows))`;
  const { stdout } = spawnSync(onnxPython!, ['-c', script], { encoding: 'utf8' });
  const theirs = JSON.parse(stdout) as Record<string, Record<string, number>>;
  const { nested } = onnxSchema() as { nested: Record<string, { fields: Record<string, { id: number }> }> };
  const own = Object.values(nested).map(({ fields }) =>
    JSON.stringify(
      Object.fromEntries(
        Object.entries(fields)
          .map(([name, { id }]) => [name.toLowerCase(), id])
          .sort(),
      ),
    ),
  );
  for (const [message, fields] of Object.entries(theirs)) {
    const rows = Object.entries(fields).map(([name, id]) => [name.replace(/_/g, '').toLowerCase(), id]);
    assert.ok(
      own.includes(JSON.stringify(Object.fromEntries(rows.sort()))),
      `${message} is not in the schema as it is`,
    );
  }
});
