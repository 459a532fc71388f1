import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decodeOnnx } from '#src/conversion/onnx/onnx-proto';
import { inferTypes } from '#src/conversion/onnx/value-types';
import { attribute, encodeModel, node, value, weight } from '../../../support/onnx-builder.js';
import { branches, decode } from './models.js';

const FLOAT = 1;
const INT64 = 7;
const BOOL = 9;
const HALF = 10;

describe('inferTypes', () => {
  test('follows values through operators', () => {
    const types = inferTypes(
      decode({
        node: [
          node('Shape', ['x'], ['shape']),
          node('Cast', ['shape'], ['half'], { attribute: [attribute.int('to', HALF)] }),
          node('Greater', ['x', 'w'], ['larger']),
          node('Where', ['larger', 'x', 'w'], ['chosen']),
          node('TopK', ['chosen', 'k'], ['values', 'places']),
          node('ConstantOfShape', ['shape'], ['zeros']),
          node('Dropout', ['values'], ['kept', 'mask']),
          node('Mystery', ['x'], ['odd'], { domain: 'example' }),
          node('Add', ['zeros', 'x'], ['y']),
        ],
        input: [value('x', 'float32', [2, 2])],
        output: [value('y', 'float32', [2, 2])],
        initializer: [weight('w', 'float32', [1], Float32Array.of(0)), weight('k', 'int64', [1], BigInt64Array.of(1n))],
      }),
    );
    const want = { shape: INT64, half: HALF, larger: BOOL, chosen: FLOAT, values: FLOAT, places: INT64 };
    const rest = { zeros: FLOAT, kept: FLOAT, mask: BOOL, odd: 0, y: FLOAT, w: FLOAT, k: INT64 };
    for (const [name, type] of Object.entries({ ...want, ...rest })) assert.equal(types.get(name), type, name);
  });

  test('finds what branches give', () => {
    const graph = { ...branches(), output: [] };
    assert.equal(inferTypes(decode(graph)).get('y'), FLOAT);
  });

  test('believes what the file declares of an unknown operator', () => {
    const graph = {
      node: [node('Mystery', ['x'], ['odd'], { domain: 'example' })],
      input: [value('x', 'float32', [2])],
      output: [value('odd', 'int64', [2])],
    };
    assert.equal(inferTypes(decodeOnnx(Buffer.from(encodeModel(graph)))).get('odd'), INT64);
  });
});
