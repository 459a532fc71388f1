import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { quantizeInt8, quantizeUint8 } from '#src/conversion/onnx/quantize-weights';
import { throws } from '../../../support/expect-error.js';
import { noise } from './models.js';

describe('quantizeInt8', () => {
  test('is off by half a step of its channel at most', () => {
    for (const axis of [null, 0, 1, 2]) {
      const dims = [3, 4, 5];
      const values = noise(60).map((value, i) => value * 10 ** (i % 4));
      const { data, scales } = quantizeInt8('w', values, dims, axis, false);
      assert.equal(scales.length, axis === null ? 1 : dims[axis]);
      for (let i = 0; i < values.length; i++) {
        const index = axis === null ? 0 : [Math.floor(i / 20), Math.floor(i / 5) % 4, i % 5][axis]!;
        const step = scales[index]!;
        assert.ok(Math.abs(data[i]! * step - values[i]!) <= step * 0.5001, `axis ${axis}, element ${i}`);
      }
    }
  });

  test('keeps to 7 bits with reduceRange', () => {
    const { data } = quantizeInt8('w', Float32Array.of(-1, 1, 0.5), [3], null, true);
    assert.deepEqual([...data], [-64, 64, 32]);
  });

  test('gives a channel of zeros a scale of 1', () => {
    const { data, scales } = quantizeInt8('w', Float32Array.of(0, 0, 1, 2), [2, 2], 0, false);
    assert.equal(scales[0], 1);
    assert.deepEqual([...data], [0, 0, 64, 127]);
  });

  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    test(`refuses ${bad}`, () => {
      throws(() => quantizeInt8('w', Float32Array.of(1, bad), [2], 0, false), 'INF_CONVERSION_FAILED', '"w"');
      throws(() => quantizeUint8('w', Float32Array.of(1, bad)), 'INF_CONVERSION_FAILED', '"w"');
    });
  }
});

test('quantizeUint8 holds 0 exactly', () => {
  const { data, zeroPoint, scales } = quantizeUint8('t', Float32Array.of(-1, 0, 3));
  assert.equal(data[1], zeroPoint);
  assert.ok(Math.abs((data[2]! - zeroPoint) * scales[0]! - 3) < scales[0]!);
});
