import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prepareModel } from '#src/conversion/onnx/prepare';
import { dimsOf, floatsOf } from '#src/conversion/onnx/tensor-values';
import { attribute, node, value, weight } from '../../../support/onnx-builder.js';
import { decode, operators } from './models.js';

const x = [value('x', 'float32', [2, 3])];
const y = [value('y', 'float32', null)];

describe('prepareModel', () => {
  test('takes weights out of Constant, Identity and Transpose', () => {
    const data = weight('', 'float32', [2, 3], Float32Array.of(1, 2, 3, 4, 5, 6));
    const model = decode({
      node: [
        node('Constant', [], ['c'], { attribute: [attribute.tensor('value', data)] }),
        node('Identity', ['c'], ['i']),
        node('Transpose', ['i'], ['t'], { attribute: [attribute.ints('perm', [1, 0])] }),
        node('MatMul', ['x', 't'], ['y']),
      ],
      input: x,
      output: y,
    });
    prepareModel(model);
    assert.deepEqual(operators(model), ['MatMul']);
    const [only, ...others] = model.graph.initializer;
    assert.deepEqual(others, []);
    assert.equal(only!.name, model.graph.node[0]!.input[1]);
    assert.deepEqual(dimsOf(only!), [3, 2]);
    assert.deepEqual([...floatsOf(only!)!], [1, 4, 2, 5, 3, 6]);
  });

  test('names nodes without a name, each differently', () => {
    const model = decode({
      node: [node('Relu', ['x'], ['a']), node('Relu', ['a'], ['b']), node('Neg', ['b'], ['y'], { name: 'Relu' })],
      input: x,
      output: y,
    });
    prepareModel(model);
    const names = model.graph.node.map(({ name }) => name);
    assert.equal(new Set(names).size, 3);
    assert.equal(names[2], 'Relu');
    assert.ok(names.every((name) => name !== ''));
  });

  test('makes weights that are inputs weights alone', () => {
    const model = decode({
      node: [node('Add', ['x', 'w'], ['y'])],
      input: [...x, value('w', 'float32', [3])],
      output: y,
      initializer: [weight('w', 'float32', [3], new Float32Array(3))],
    });
    prepareModel(model);
    assert.deepEqual(
      model.graph.input.map(({ name }) => name),
      ['x'],
    );
  });
});
