import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calibrate } from '#src/conversion/onnx/calibrate';
import { cloneModel, type ModelProto } from '#src/conversion/onnx/onnx-proto';
import type { StaticOptions } from '#src/conversion/onnx/qdq-plan';
import { quantizeStatic, tensorsToObserve } from '#src/conversion/onnx/quantize-static';
import { offBy, reduceRange } from '../../../support/cpu.js';
import { throws } from '../../../support/expect-error.js';
import { attribute, type GraphSpec, node, value, weight } from '../../../support/onnx-builder.js';
import { branches, convNet, decode, difference, matMul, noise, noiseTensor, operators, run } from './models.js';

const x = () => noiseTensor([3, 2, 6, 6], 9);

/** Calibrates and quantizes a copy of a model by one sample. */
async function quantized(model: ModelProto, inputs: Parameters<typeof run>[2], choice: StaticOptions = {}) {
  const options = { reduceRange, ...choice };
  const copy = cloneModel(model);
  const ranges = await calibrate(copy, tensorsToObserve(copy, options), [inputs]);
  const report = quantizeStatic(copy, ranges, options);
  return { copy, report };
}

/** The share by which quantizing changes what a graph answers. */
async function change(t: Parameters<typeof run>[0], graph: GraphSpec, inputs: Parameters<typeof run>[2], options = {}) {
  const model = decode(graph);
  const want = await run(t, model, inputs);
  const { copy, report } = await quantized(model, inputs, options);
  const got = await run(t, copy, inputs);
  return { share: difference(got.y!, want.y!), copy, report };
}

describe('a quantized convolution net', () => {
  test('answers nearly the same, with a scale for each channel or one', async (t) => {
    for (const perChannel of [true, false]) {
      const { share, report, copy } = await change(t, convNet(), { x: x() }, { perChannel });
      assert.ok(share > 0 && share < offBy(0.03), `off by ${share}`);
      assert.deepEqual(report.quantized, { Conv: 2, Relu: 1 });
      const scale = copy.graph.initializer.find(({ name }) => name === 'w2_scale')!;
      assert.deepEqual(scale.dims.map(Number), perChannel ? [3] : []);
    }
  });

  test('holds no float32 but scales, and no Relu', async () => {
    const { copy } = await quantized(decode(convNet()), { x: x() });
    assert.ok(!operators(copy).includes('Relu'));
    for (const { dataType, name, dims } of copy.graph.initializer) {
      if (dataType === 1) assert.match(name, /_scale$/, `${name} [${dims}]`);
    }
  });

  test('leaves excluded nodes in float32', async (t) => {
    const { copy, report, share } = await change(t, convNet(), { x: x() }, { exclude: ['second'] });
    assert.equal(report.quantized.Conv, 1);
    assert.deepEqual(
      report.left.find(({ reason }) => reason === 'excluded'),
      { operator: 'Conv', count: 1, reason: 'excluded' },
    );
    assert.equal(copy.graph.node.find(({ name }) => name === 'second')!.input[1], 'w2');
    assert.ok(share < offBy(0.03));
  });

  test('keeps its weights to 7 bits with reduceRange', async () => {
    const { copy } = await quantized(decode(convNet()), { x: x() }, { reduceRange: true });
    const raw = copy.graph.initializer.find(({ name }) => name === 'w2_quantized')!.rawData!;
    const values = new Int8Array(raw.buffer, raw.byteOffset, raw.length);
    assert.ok(values.every((each) => Math.abs(each) <= 64) && values.some((each) => Math.abs(each) === 64));
  });
});

describe('operators', () => {
  const gemm = (attributes: object[], w: object, bias: object): GraphSpec => ({
    node: [node('Gemm', ['x', 'w', 'b'], ['y'], { name: 'gemm', attribute: attributes })],
    input: [value('x', 'float32', ['n', 8])],
    output: [value('y', 'float32', ['n', 4])],
    initializer: [w, bias],
  });
  const flat = () => ({ x: noiseTensor([5, 8], 7) });
  const straight = weight('w', 'float32', [8, 4], noise(32));
  const turned = weight('w', 'float32', [4, 8], noise(32));

  test('Gemm with a transposed weight', async (t) => {
    const graph = gemm([attribute.int('transB', 1)], turned, weight('b', 'float32', [4], noise(4, 5)));
    assert.ok((await change(t, graph, flat())).share < offBy(0.02));
  });

  test('Gemm with a bias as [1, N]', async (t) => {
    const graph = gemm([], straight, weight('b', 'float32', [1, 4], noise(4, 5)));
    const { share, copy } = await change(t, graph, flat());
    assert.ok(share < offBy(0.02), `off by ${share}`);
    assert.ok(copy.graph.initializer.some(({ dataType }) => dataType === 6));
  });

  test('Gemm with alpha and beta', async (t) => {
    const graph = gemm(
      [attribute.float('alpha', 0.5), attribute.float('beta', 3)],
      straight,
      weight('b', 'float32', [4], noise(4, 5)),
    );
    assert.ok((await change(t, graph, flat())).share < offBy(0.02));
  });

  test('a bias far larger than the weights', async (t) => {
    const tiny = weight(
      'w',
      'float32',
      [8, 4],
      noise(32).map((each) => each * 1e-9),
    );
    const graph = gemm([], tiny, weight('b', 'float32', [4], Float32Array.of(100, -50, 3, 0)));
    assert.ok((await change(t, graph, flat())).share < offBy(0.01));
  });

  test('one weight that two nodes take', async (t) => {
    const graph = {
      node: [
        node('MatMul', ['x', 'w'], ['a'], { name: 'a' }),
        node('Gemm', ['x', 'w', 'b'], ['c'], { name: 'c' }),
        node('Gemm', ['x', 'w', 'b'], ['d'], { name: 'd' }),
        node('Add', ['a', 'c'], ['e'], { name: 'e' }),
        node('Add', ['e', 'd'], ['y'], { name: 'y' }),
      ],
      input: [value('x', 'float32', ['n', 8])],
      output: [value('y', 'float32', ['n', 4])],
      initializer: [straight, weight('b', 'float32', [4], noise(4, 5))],
    };
    const { share, report } = await change(t, graph, flat());
    assert.ok(share < offBy(0.03), `off by ${share}`);
    assert.deepEqual(report.quantized, { Add: 2, Gemm: 2, MatMul: 1 });
  });

  test('Clip that lets no 0 through stays', async (t) => {
    const graph: GraphSpec = {
      node: [
        node('MatMul', ['x', 'w'], ['a'], { name: 'a' }),
        node('Clip', ['a', 'low'], ['c'], { name: 'clip' }),
        node('Log', ['c'], ['y'], { name: 'log' }),
      ],
      input: [value('x', 'float32', ['n', 8])],
      output: [value('y', 'float32', ['n', 4])],
      initializer: [straight, weight('low', 'float32', [], Float32Array.of(0.01))],
    };
    const { copy } = await quantized(decode(graph), flat());
    assert.ok(operators(copy).includes('Clip'));
    const got = await run(t, copy, flat());
    assert.ok((got.y!.data as Float32Array).every((each) => !Number.isNaN(each)));
  });

  test('Gather, Concat, Reshape, Transpose, Softmax, Pad, Split and MaxPool', async (t) => {
    const int64 = (name: string, values: number[], dims = [values.length]) =>
      weight(name, 'int64', dims, BigInt64Array.from(values, BigInt));
    const graph: GraphSpec = {
      node: [
        node('Gather', ['table', 'index'], ['g'], { name: 'g' }),
        node('MatMul', ['x', 'w'], ['m'], { name: 'm' }),
        node('Concat', ['g', 'm'], ['c'], { name: 'c', attribute: [attribute.int('axis', 0)] }),
        node('Reshape', ['c', 'shape'], ['r'], { name: 'r' }),
        node('Transpose', ['r'], ['t'], { name: 't', attribute: [attribute.ints('perm', [0, 1, 3, 2])] }),
        node('Pad', ['t', 'pads'], ['p'], { name: 'p' }),
        node('MaxPool', ['p'], ['q'], { name: 'q', attribute: [attribute.ints('kernel_shape', [2, 2])] }),
        node('Split', ['q', 'parts'], ['s', 'u'], { name: 's', attribute: [attribute.int('axis', 1)] }),
        node('Add', ['s', 'u'], ['v'], { name: 'v' }),
        node('Softmax', ['v'], ['y'], { name: 'y' }),
      ],
      input: [value('x', 'float32', [5, 8])],
      output: [value('y', 'float32', null)],
      initializer: [
        weight('table', 'float32', [10, 4], noise(40, 3)),
        int64('index', [1, 7, 3]),
        straight,
        int64('shape', [1, 2, 4, 4]),
        int64('pads', [0, 0, 0, 1, 0, 0, 0, 1]),
        int64('parts', [1, 1]),
      ],
    };
    const { share, report } = await change(t, graph, flat());
    // Softmax makes much of a difference of one step.
    assert.ok(share < offBy(0.1), `off by ${share}`);
    assert.equal(
      Object.values(report.quantized).reduce((a, b) => a + b),
      10,
    );
  });
});

describe('refused', () => {
  test('a model that is quantized already', async () => {
    const { copy } = await quantized(decode(convNet()), { x: x() });
    throws(() => quantizeStatic(copy, new Map()), 'INF_QUANTIZED_ALREADY', 'DequantizeLinear');
  });

  test('a model with nothing to quantize', () => {
    const integers = {
      node: [node('Add', ['x', 'x'], ['y'])],
      input: [value('x', 'int64', [2])],
      output: [value('y', 'int64', [2])],
    };
    throws(() => tensorsToObserve(decode(integers)), 'INF_QUANTIZE_NOTHING', '1 Add: its values are no float32');
    throws(() => quantizeStatic(decode(integers), new Map()), 'INF_QUANTIZE_NOTHING');
    throws(() => quantizeStatic(decode(branches()), new Map()), 'INF_QUANTIZE_NOTHING', 'it is in a subgraph');
  });

  test('every node excluded', () => {
    throws(
      () => quantizeStatic(decode(matMul()), new Map(), { exclude: ['product'] }),
      'INF_QUANTIZE_NOTHING',
      'excluded',
    );
  });

  test('a node that does not exist', () => {
    throws(() => tensorsToObserve(decode(matMul()), { exclude: ['none'] }), 'INF_OPTION_INVALID', '"none"');
  });

  test('a range that is missing or not finite', () => {
    throws(
      () => quantizeStatic(decode(matMul()), new Map([['x', { min: 0, max: 1 }]])),
      'INF_CALIBRATION_INVALID',
      '"y"',
    );
    const ranges = new Map([
      ['x', { min: 0, max: 1 }],
      ['y', { min: Number.NaN, max: 1 }],
    ]);
    throws(() => quantizeStatic(decode(matMul()), ranges), 'INF_CALIBRATION_INVALID', '"y"');
  });
});
