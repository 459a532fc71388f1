import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Contestants } from '#src/benchmark/contestant';
import { countOperations, type OperationCount } from '#src/benchmark/count-operations';
import type { SampleInputs } from '#src/conversion/build';
import { Tensor } from '#src/tensor/tensor';
import { attribute, type GraphSpec, node, value, weight, writeModel } from '../../support/onnx-builder.js';
import { makeFolder } from '../support/files.js';

const ones = (...shape: number[]) =>
  new Tensor('float32', new Float32Array(shape.reduce((size, dim) => size * dim, 1)).fill(1), shape);
const floats = (name: string, ...dims: number[]) =>
  weight(name, 'float32', dims, new Float32Array(dims.reduce((size, dim) => size * dim, 1)).fill(0.1));

async function count(t: TestContext, graph: GraphSpec, inputs: SampleInputs[], rest = {}): Promise<OperationCount> {
  const folder = await makeFolder(t, {});
  const file = await writeModel(join(folder, 'model.onnx'), graph, rest);
  const contestants = new Contestants(undefined);
  t.after(() => contestants.end());
  return contestants.with((contestant) => countOperations(file, inputs, folder, contestant));
}

/** One node with a weight; x has four dimensions or as many as are given. */
const single = (operator: object, dims: readonly (number | string | null)[], ...weights: object[]): GraphSpec => ({
  node: [operator],
  input: [value('x', 'float32', dims)],
  output: [value('y', 'float32', null)],
  initializer: weights,
});

test('products of matrices count by the shapes that a run has, for each batch', async (t) => {
  const graph = single(node('MatMul', ['x', 'w'], ['y']), ['rows', 'steps', 6], floats('w', 6, 5));
  const found = await count(t, graph, [{ x: ones(1, 3, 6) }, { x: ones(4, 3, 6) }]);
  assert.deepEqual(found, { operations: [2 * 3 * 6 * 5, 8 * 3 * 6 * 5], reason: null, isQuantized: false });
});

test('Gemm counts by its own transposition', async (t) => {
  const gemm = node('Gemm', ['x', 'w'], ['y'], { attribute: [attribute.int('transA', 1)] });
  const { operations } = await count(t, single(gemm, [6, 2], floats('w', 6, 5)), [{ x: ones(6, 2) }]);
  assert.deepEqual(operations, [2 * 2 * 6 * 5]);
});

test('convolutions count by their kernels, those in groups too', async (t) => {
  const conv = (...attributes: object[]) => node('Conv', ['x', 'w'], ['y'], { attribute: attributes });
  const x = ones(1, 4, 8, 8);
  const plain = await count(t, single(conv(), [null, 4, null, null], floats('w', 6, 4, 3, 3)), [{ x }]);
  assert.deepEqual(plain.operations, [2 * 6 * 6 * 6 * 4 * 3 * 3]);
  const grouped = conv(attribute.int('group', 4), attribute.ints('strides', [2, 2]));
  const found = await count(t, single(grouped, [null, 4, null, null], floats('w', 4, 1, 2, 2)), [{ x }]);
  assert.deepEqual(found.operations, [2 * 4 * 4 * 4 * 2 * 2]);
  const transposed = node('ConvTranspose', ['x', 'w'], ['y']);
  const up = await count(t, single(transposed, [null, 4, null, null], floats('w', 4, 3, 2, 2)), [{ x }]);
  assert.deepEqual(up.operations, [2 * 4 * 8 * 8 * 3 * 2 * 2]);
});

test('recurrent layers count both weights at each step', async (t) => {
  const lstm = node('LSTM', ['x', 'w', 'r'], ['y'], { attribute: [attribute.int('hidden_size', 3)] });
  const graph = single(lstm, ['steps', 'rows', 2], floats('w', 1, 12, 2), floats('r', 1, 12, 3));
  const { operations } = await count(t, graph, [{ x: ones(5, 2, 2) }]);
  assert.deepEqual(operations, [2 * 5 * 2 * (12 * 2 + 12 * 3)]);
});

test('integers are told from floats', async (t) => {
  const graph: GraphSpec = {
    node: [node('MatMulInteger', ['x', 'w'], ['y'])],
    input: [value('x', 'uint8', [2, 4])],
    output: [value('y', 'int32', null)],
    initializer: [weight('w', 'int8', [4, 3], new Int8Array(12).fill(1))],
  };
  const x = new Tensor('uint8', new Uint8Array(8).fill(1), [2, 4]);
  assert.deepEqual(await count(t, graph, [{ x }]), { operations: [48], reason: null, isQuantized: true });
});

test('inputs of other names are taken in their order', async (t) => {
  const graph = single(node('MatMul', ['x', 'w'], ['y']), [2, 6], floats('w', 6, 5));
  assert.deepEqual((await count(t, graph, [{ image: ones(2, 6) }])).operations, [120]);
});

test('what is not counted leaves the figure out, with the reason', async (t) => {
  const einsum = node('Einsum', ['x', 'w'], ['y'], { attribute: [attribute.string('equation', 'ij,jk->ik')] });
  const strange = await count(t, single(einsum, [2, 6], floats('w', 6, 5)), [{ x: ones(2, 6) }]);
  assert.deepEqual(strange, {
    operations: null,
    reason: 'the multiplications of Einsum are not counted',
    isQuantized: false,
  });
  const none = await count(t, single(node('Relu', ['x'], ['y']), [2]), [{ x: ones(2) }]);
  assert.match(none.reason!, /multiplies no matrices/);
  const graph = single(node('MatMul', ['x', 'w'], ['y']), [2, 6], floats('w', 6, 5));
  const wrong = await count(t, graph, [{ x: ones(2, 7) }]);
  assert.equal(wrong.operations, null);
  assert.match(wrong.reason!, /shape|dimension/i);
});

test('a product in a branch leaves the figure out', async (t) => {
  const branch = (name: string): GraphSpec => ({
    node: [node('MatMul', ['x', 'w'], [name])],
    input: [],
    output: [value(name, 'float32', null)],
  });
  const attributes = [attribute.graph('then_branch', branch('a')), attribute.graph('else_branch', branch('b'))];
  const graph: GraphSpec = {
    node: [node('If', ['c'], ['y'], { attribute: attributes })],
    input: [value('c', 'bool', []), value('x', 'float32', [2, 6])],
    output: [value('y', 'float32', null)],
    initializer: [floats('w', 6, 5)],
  };
  const c = new Tensor('bool', Uint8Array.of(1), []);
  const { operations, reason } = await count(t, graph, [{ c, x: ones(2, 6) }]);
  assert.equal(operations, null);
  assert.match(reason!, /loop or a branch/);
});
