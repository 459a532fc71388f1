import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tensor } from 'infernode';
import { cloneModel } from '#src/conversion/onnx/onnx-proto';
import { type DynamicOptions, quantizeDynamic } from '#src/conversion/onnx/quantize-dynamic';
import { offBy, reduceRange } from '../../../support/cpu.js';
import { throws } from '../../../support/expect-error.js';
import { attribute, type GraphSpec, node, value, weight } from '../../../support/onnx-builder.js';
import { branches, convNet, decode, difference, matMul, noise, noiseTensor, operators, run } from './models.js';

async function change(
  t: Parameters<typeof run>[0],
  graph: GraphSpec,
  inputs: Parameters<typeof run>[2],
  options: DynamicOptions = {},
) {
  const model = decode(graph);
  model.opsetImport.push({ domain: 'com.microsoft', version: 1 });
  const copy = cloneModel(model);
  const report = quantizeDynamic(copy, { reduceRange, ...options });
  const want = await run(t, model, inputs);
  const got = await run(t, copy, inputs);
  return { share: difference(got.y!, want.y!), copy, report };
}

const flat = () => ({ x: noiseTensor([5, 8], 7) });

describe('answers nearly the same', () => {
  test('MatMul', async (t) => {
    const { share, copy, report } = await change(t, matMul(), flat());
    assert.ok(share > 0 && share < offBy(0.02), `off by ${share}`);
    assert.deepEqual(report.quantized, { MatMul: 1 });
    assert.deepEqual(operators(copy), ['DynamicQuantizeLinear', 'MatMulInteger', 'Cast', 'Mul', 'Mul']);
    assert.ok(!copy.graph.initializer.some(({ name }) => name === 'w'), 'the float32 weight is still there');
  });

  test('Conv, with a scale for each channel or one', async (t) => {
    const x = noiseTensor([3, 2, 6, 6], 9);
    for (const perChannel of [true, false]) {
      const { share, report, copy } = await change(t, convNet(), { x }, { perChannel });
      assert.ok(share > 0 && share < offBy(0.02), `off by ${share}`);
      assert.deepEqual(report.quantized, { Conv: 2 });
      const scale = copy.graph.initializer.find(({ name }) => name === 'w2_scale')!;
      assert.deepEqual(scale.dims.map(Number), perChannel ? [1, 3, 1, 1] : []);
    }
  });

  for (const transB of [0, 1]) {
    test(`Gemm with transB ${transB} and beta`, async (t) => {
      const graph: GraphSpec = {
        node: [
          node('Gemm', ['x', 'w', 'b'], ['y'], {
            name: 'gemm',
            attribute: [attribute.int('transB', transB), attribute.float('beta', 2)],
          }),
        ],
        input: [value('x', 'float32', ['n', 8])],
        output: [value('y', 'float32', ['n', 4])],
        initializer: [
          weight('w', 'float32', transB === 1 ? [4, 8] : [8, 4], noise(32)),
          weight('b', 'float32', [4], noise(4, 5)),
        ],
      };
      const { share, report } = await change(t, graph, flat());
      assert.ok(share < offBy(0.02), `off by ${share}`);
      assert.deepEqual(report.quantized, { Gemm: 1 });
    });
  }

  for (const direction of ['forward', 'bidirectional']) {
    test(`LSTM, ${direction}`, async (t) => {
      const count = direction === 'forward' ? 1 : 2;
      const graph: GraphSpec = {
        node: [
          node('LSTM', ['x', 'w', 'r', 'b'], ['y'], {
            name: 'lstm',
            attribute: [attribute.int('hidden_size', 5), attribute.string('direction', direction)],
          }),
        ],
        input: [value('x', 'float32', [6, 2, 3])],
        output: [value('y', 'float32', null)],
        initializer: [
          weight('w', 'float32', [count, 20, 3], noise(60 * count)),
          weight('r', 'float32', [count, 20, 5], noise(100 * count, 2)),
          weight('b', 'float32', [count, 40], noise(40 * count, 3)),
        ],
      };
      const { share, report } = await change(t, graph, { x: noiseTensor([6, 2, 3], 4) });
      assert.ok(share > 0 && share < offBy(0.03), `off by ${share}`);
      assert.deepEqual(report.quantized, { LSTM: 1 });
    });
  }

  test('Gather from a table, moved and multiplied', async (t) => {
    const graph: GraphSpec = {
      node: [
        node('Gather', ['table', 'x'], ['g'], { name: 'g' }),
        node('Transpose', ['g'], ['t'], { name: 't' }),
        node('MatMul', ['t', 'w'], ['y'], { name: 'm' }),
      ],
      input: [value('x', 'int64', [3])],
      output: [value('y', 'float32', null)],
      initializer: [weight('table', 'float32', [10, 4], noise(40)), weight('w', 'float32', [3, 2], noise(6, 2))],
    };
    const { share, copy, report } = await change(t, graph, { x: new Tensor('int64', BigInt64Array.of(1n, 7n, 3n)) });
    assert.ok(share < offBy(0.03), `off by ${share}`);
    assert.deepEqual(report.quantized, { Gather: 1, MatMul: 1, Transpose: 1 });
    // What comes out of the table is in 8 bits already.
    assert.ok(!operators(copy).includes('DynamicQuantizeLinear'));
  });

  test('Attention', async (t) => {
    const graph: GraphSpec = {
      node: [
        node('Attention', ['x', 'w', 'b'], ['y'], {
          name: 'attention',
          domain: 'com.microsoft',
          attribute: [attribute.int('num_heads', 2)],
        }),
      ],
      input: [value('x', 'float32', [1, 4, 8])],
      output: [value('y', 'float32', null)],
      initializer: [weight('w', 'float32', [8, 24], noise(192)), weight('b', 'float32', [24], noise(24, 2))],
    };
    const { share, report, copy } = await change(t, graph, { x: noiseTensor([1, 4, 8], 3) });
    assert.ok(share > 0 && share < offBy(0.03), `off by ${share}`);
    assert.deepEqual(report.quantized, { 'com.microsoft.Attention': 1 });
    assert.ok(operators(copy).includes('QAttention'));
  });

  test('EmbedLayerNormalization', async (t) => {
    const graph: GraphSpec = {
      node: [
        node('EmbedLayerNormalization', ['x', '', 'words', 'places', '', 'gamma', 'beta'], ['y', 'mask'], {
          name: 'embedding',
          domain: 'com.microsoft',
        }),
      ],
      input: [value('x', 'int32', [1, 4])],
      output: [value('y', 'float32', null)],
      initializer: [
        weight('words', 'float32', [10, 8], noise(80)),
        weight('places', 'float32', [4, 8], noise(32, 2)),
        weight('gamma', 'float32', [8], noise(8, 3)),
        weight('beta', 'float32', [8], noise(8, 4)),
      ],
    };
    const { share, report } = await change(t, graph, { x: new Tensor('int32', Int32Array.of(1, 7, 3, 3), [1, 4]) });
    assert.ok(share > 0 && share < offBy(0.05), `off by ${share}`);
    assert.deepEqual(report.quantized, { 'com.microsoft.EmbedLayerNormalization': 1 });
  });

  for (const flag of [0, 1]) {
    test(`a subgraph with a weight from outside, branch ${flag}`, async (t) => {
      const inputs = { flag: new Tensor('bool', Uint8Array.of(flag), []), x: noiseTensor([1, 8], 7) };
      const { share, copy, report } = await change(t, branches(), inputs);
      assert.ok(share < offBy(0.02), `off by ${share}`);
      assert.deepEqual(report.quantized, { MatMul: 2 });
      assert.equal(copy.graph.initializer.filter(({ name }) => name.startsWith('w_quantized')).length, 1);
    });
  }
});

describe('refused', () => {
  test('computed weights', () => {
    const graph = {
      ...matMul(),
      input: [value('x', 'float32', ['n', 8]), value('w', 'float32', [8, 4])],
      initializer: [],
    };
    throws(() => quantizeDynamic(decode(graph)), 'INF_QUANTIZE_NOTHING', '1 MatMul: its weights are computed');
  });

  test('a model that is quantized already, wherever', () => {
    const model = decode(branches());
    quantizeDynamic(model);
    throws(() => quantizeDynamic(model), 'INF_QUANTIZED_ALREADY');
  });

  test('weights in float16', () => {
    const graph = { ...matMul(), initializer: [weight('w', 'float16', [8, 4], new Uint16Array(32))] };
    throws(() => quantizeDynamic(decode(graph)), 'INF_QUANTIZED_ALREADY', 'float16');
  });

  test('weights that are NaN', () => {
    const graph = { ...matMul(), initializer: [weight('w', 'float32', [8, 4], noise(32).fill(Number.NaN, 3, 4))] };
    throws(() => quantizeDynamic(decode(graph)), 'INF_CONVERSION_FAILED', '"w"');
  });

  test('unknown names to exclude, and all names', () => {
    throws(() => quantizeDynamic(decode(matMul()), { exclude: ['none'] }), 'INF_OPTION_INVALID', '"none"');
    throws(() => quantizeDynamic(decode(matMul()), { exclude: ['product'] }), 'INF_QUANTIZE_NOTHING', 'excluded');
  });
});
