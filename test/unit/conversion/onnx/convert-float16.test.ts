import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tensor } from 'infernode';
import { convertFloat16, type Float16Options } from '#src/conversion/onnx/convert-float16';
import { toFloat16 } from '#src/conversion/onnx/float16-weights';
import { cloneModel } from '#src/conversion/onnx/onnx-proto';
import { floatsOf, tensorOf } from '#src/conversion/onnx/tensor-values';
import { throws } from '../../../support/expect-error.js';
import { attribute, type GraphSpec, node, value, weight } from '../../../support/onnx-builder.js';
import { branches, convNet, decode, difference, matMul, noise, noiseTensor, operators, run } from './models.js';

async function change(
  t: Parameters<typeof run>[0],
  graph: GraphSpec,
  inputs: Parameters<typeof run>[2],
  options: Float16Options = {},
) {
  const model = decode(graph);
  const copy = cloneModel(model);
  const report = convertFloat16(copy, options);
  const want = await run(t, model, inputs);
  const got = await run(t, copy, inputs);
  return { share: difference(got.y!, want.y!), copy, report, got };
}

const x = () => noiseTensor([3, 2, 6, 6], 9);
const flat = () => ({ x: noiseTensor([5, 8], 7) });

describe('answers nearly the same', () => {
  test('a convolution net, in half the bytes', async (t) => {
    const { share, copy, report, got } = await change(t, convNet(), { x: x() });
    assert.ok(share > 0 && share < 0.002, `off by ${share}`);
    assert.equal(got.y!.dtype, 'float32');
    assert.ok(copy.graph.initializer.every(({ dataType }) => dataType === 10));
    assert.deepEqual(report.quantized, { Conv: 2, Relu: 1 });
    assert.ok(report.bytesAfter < report.bytesBefore);
  });

  test('with float16 inputs and outputs', async (t) => {
    const copy = decode(matMul());
    convertFloat16(copy, { keepIoTypes: false });
    assert.deepEqual(operators(copy), ['MatMul']);
    const got = await run(t, copy, { x: new Tensor('float16', new Uint16Array(8).fill(0x3c00), [1, 8]) });
    assert.equal(got.y!.dtype, 'float16');
  });

  test('around an operator that stays in float32', async (t) => {
    const graph: GraphSpec = {
      node: [
        node('MatMul', ['x', 'w'], ['a'], { name: 'a' }),
        node('CumSum', ['a', 'axis'], ['b'], { name: 'b' }),
        node('Max', ['b', 'low'], ['c'], { name: 'c' }),
        node('Add', ['c', 'low'], ['y'], { name: 'y' }),
      ],
      input: [value('x', 'float32', ['n', 8])],
      output: [value('y', 'float32', ['n', 4])],
      initializer: [
        weight('w', 'float32', [8, 4], noise(32)),
        weight('low', 'float32', [4], noise(4, 2)),
        weight('axis', 'int64', [], BigInt64Array.of(1n)),
      ],
    };
    const { share, copy, report } = await change(t, graph, flat());
    assert.ok(share < 0.005, `off by ${share}`);
    assert.deepEqual(
      report.left.map(({ operator }) => operator),
      ['CumSum', 'Max'],
    );
    // One behind the input, before CumSum and behind Max; none between the two.
    assert.equal(operators(copy).filter((operator) => operator === 'Cast').length, 4);
  });

  for (const flag of [0, 1]) {
    test(`a subgraph that takes an input and a weight from outside, branch ${flag}`, async (t) => {
      const inputs = { flag: new Tensor('bool', Uint8Array.of(flag), []), x: noiseTensor([1, 8], 7) };
      const { share } = await change(t, branches(), inputs);
      assert.ok(share < 0.005, `off by ${share}`);
    });
  }

  test('ConstantOfShape, Cast and Resize', async (t) => {
    const graph: GraphSpec = {
      node: [
        node('Shape', ['x'], ['s'], { name: 's' }),
        node('ConstantOfShape', ['s'], ['zeros'], { name: 'zeros' }),
        node('Cast', ['s'], ['sizes'], { name: 'sizes', attribute: [attribute.int('to', 1)] }),
        node('ReduceSum', ['sizes'], ['sum'], { name: 'sum', attribute: [attribute.int('keepdims', 0)] }),
        node('Add', ['x', 'zeros'], ['a'], { name: 'a' }),
        node('Mul', ['a', 'sum'], ['b'], { name: 'b' }),
        node('Mul', ['b', 'w'], ['c'], { name: 'c' }),
        node('Resize', ['c', '', 'scales'], ['y'], { name: 'y' }),
      ],
      input: [value('x', 'float32', [1, 1, 2, 2])],
      output: [value('y', 'float32', null)],
      initializer: [
        weight('w', 'float32', [2, 2], noise(4)),
        weight('scales', 'float32', [4], Float32Array.of(1, 1, 2, 2)),
      ],
    };
    const { share, copy } = await change(t, graph, { x: noiseTensor([1, 1, 2, 2]) });
    assert.ok(share < 0.005, `off by ${share}`);
    assert.equal(copy.graph.initializer.find(({ name }) => name.startsWith('scales'))!.dataType, 1);
  });

  test('with a node excluded, whose weight stays float32', async (t) => {
    const { share, copy, report } = await change(t, convNet(), { x: x() }, { exclude: ['second'] });
    assert.ok(share < 0.002);
    assert.equal(report.quantized.Conv, 1);
    const second = copy.graph.node.find(({ name }) => name === 'second')!;
    assert.equal(copy.graph.initializer.find(({ name }) => name === second.input[1])!.dataType, 1);
  });
});

test('values out of range become the nearest that float16 has, and are counted', () => {
  const values = Float32Array.of(1e9, -3.4e38, 1e-12, -1e-12, 0, 1, Number.POSITIVE_INFINITY);
  const { tensor, clamped } = toFloat16(tensorOf('w', 1, [7], values));
  assert.equal(clamped, 4);
  assert.deepEqual([...floatsOf(tensor)!], [65504, -65504, 2 ** -24, -(2 ** -24), 0, 1, Number.POSITIVE_INFINITY]);
});

describe('refused', () => {
  test('a model in float16 already', () => {
    const model = decode(convNet());
    convertFloat16(model);
    throws(() => convertFloat16(model), 'INF_QUANTIZED_ALREADY', 'float16');
  });

  test('a model without float32 weights', () => {
    const graph = {
      node: [node('Relu', ['x'], ['y'])],
      input: [value('x', 'float32', [2])],
      output: [value('y', 'float32', [2])],
    };
    throws(() => convertFloat16(decode(graph)), 'INF_QUANTIZE_NOTHING');
  });

  test('an operator whose output is of unknown type', () => {
    const graph = {
      ...matMul(),
      node: [node('Mystery', ['x'], ['a'], { domain: 'example', name: 'odd' }), node('MatMul', ['a', 'w'], ['y'])],
    };
    throws(() => convertFloat16(decode(graph)), 'INF_CONVERSION_FAILED', 'example.Mystery "odd"');
  });

  test('names to exclude that are none, or of a node with graphs', () => {
    throws(() => convertFloat16(decode(matMul()), { exclude: ['none'] }), 'INF_OPTION_INVALID', '"none"');
    throws(() => convertFloat16(decode(branches()), { exclude: ['choice'] }), 'INF_OPTION_INVALID', '"choice"');
  });
});
