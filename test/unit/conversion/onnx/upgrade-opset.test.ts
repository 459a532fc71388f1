import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { upgradeOpset } from '#src/conversion/onnx/upgrade-opset';
import { opsetOf } from '#src/conversion/onnx/value-types';
import { throws } from '../../../support/expect-error.js';
import { attribute, type GraphSpec, node, value } from '../../../support/onnx-builder.js';
import { decode, noiseTensor, run } from './models.js';

const { float, int, ints, string } = attribute;

/** One operator as an opset before 13 has it. */
const cases: [name: string, opset: number, node: object, outputs: number][] = [
  ['Softmax', 11, node('Softmax', ['x'], ['y'], { attribute: [int('axis', 1)] }), 1],
  ['LogSoftmax', 9, node('LogSoftmax', ['x'], ['y']), 1],
  [
    'Slice',
    9,
    node('Slice', ['x'], ['y'], { attribute: [ints('starts', [1]), ints('ends', [3]), ints('axes', [1])] }),
    1,
  ],
  [
    'Slice to the end',
    9,
    node('Slice', ['x'], ['y'], { attribute: [ints('starts', [1, 0]), ints('ends', [2, 9])] }),
    1,
  ],
  ['Clip', 10, node('Clip', ['x'], ['y'], { attribute: [float('max', 0.25)] }), 1],
  ['Pad', 10, node('Pad', ['x'], ['y'], { attribute: [ints('pads', [0, 1, 0, 0, 0, 2]), float('value', 0.5)] }), 1],
  [
    'Pad at the edge',
    9,
    node('Pad', ['x'], ['y'], { attribute: [ints('pads', [0, 1, 0, 0, 0, 2]), string('mode', 'edge')] }),
    1,
  ],
  ['Unsqueeze', 11, node('Unsqueeze', ['x'], ['y'], { attribute: [ints('axes', [0, 2])] }), 1],
  ['ReduceSum', 11, node('ReduceSum', ['x'], ['y'], { attribute: [ints('axes', [1]), int('keepdims', 0)] }), 1],
  ['Split', 11, node('Split', ['x'], ['y', 'z'], { attribute: [ints('split', [1, 3]), int('axis', 1)] }), 2],
  ['TopK', 9, node('TopK', ['x'], ['y', 'i'], { attribute: [int('k', 2), int('axis', 1)] }), 1],
  ['Dropout', 10, node('Dropout', ['x'], ['y'], { attribute: [float('ratio', 0.9)] }), 1],
];

function graphOf(only: object, outputs: number): GraphSpec {
  const output = ['y', 'z'].slice(0, outputs).map((name) => value(name, 'float32', null));
  return { node: [only], input: [value('x', 'float32', [2, 4, 3])], output };
}

describe('an operator brought to opset 13 answers the same', () => {
  for (const [name, opset, only, outputs] of cases) {
    test(`${name} of opset ${opset}`, async (t) => {
      const x = noiseTensor([2, 4, 3]);
      const before = await run(t, decode(graphOf(only, outputs), opset), { x });
      const model = decode(graphOf(only, outputs), opset);
      for (const [index, each] of model.graph.node.entries()) each.name = `n${index}`;
      upgradeOpset(model);
      assert.equal(opsetOf(model), 13);
      const after = await run(t, model, { x });
      for (const key of Object.keys(before)) {
        assert.deepEqual(after[key]!.shape, before[key]!.shape);
        assert.deepEqual(after[key]!.data, before[key]!.data);
      }
    });
  }
});

test('newer models stay as they are', () => {
  const model = decode(graphOf(node('Relu', ['x'], ['y']), 1), 17);
  upgradeOpset(model);
  assert.equal(opsetOf(model), 17);
});

test('what cannot be brought there is refused, and named', () => {
  const scan = decode(graphOf(node('Scan', ['x'], ['y'], { name: 'old' }), 1), 8);
  throws(() => upgradeOpset(scan), 'INF_CONVERSION_FAILED', 'Scan "old" of opset 8', 'opset 13 or newer');
  const ancient = decode(graphOf(node('Relu', ['x'], ['y']), 1), 5);
  throws(() => upgradeOpset(ancient), 'INF_CONVERSION_FAILED', 'opset 5');
});
