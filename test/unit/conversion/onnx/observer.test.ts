import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Histogram } from '#src/conversion/onnx/histogram';
import { rangeOf } from '#src/conversion/onnx/observer';
import { noise } from './models.js';

/** Bell-shaped, as the sum of uniform numbers is. */
function bell(count: number): Float32Array {
  const parts = Array.from({ length: 6 }, (_, seed) => noise(count, seed + 1));
  return parts[0]!.map((_, i) => parts.reduce((sum, part) => sum + part[i]!, 0) / 6);
}

function histogramOf(...tensors: Float32Array[]): Histogram {
  const histogram = new Histogram();
  for (const tensor of tensors) assert.ok(histogram.add(tensor));
  return histogram;
}

describe('Histogram', () => {
  test('counts every value, whatever comes later', () => {
    const histogram = histogramOf(noise(1000), Float32Array.of(0, 0, 500), Float32Array.of(-3e30));
    assert.equal(histogram.zeros, 2);
    assert.equal(
      histogram.counts.reduce((sum, count) => sum + count, 0),
      1002,
    );
    assert.equal(histogram.total, 1004);
    assert.equal(histogram.min, Math.fround(-3e30));
    assert.equal(histogram.max, 500);
  });

  test('is the same in pieces as at once', () => {
    const values = noise(999).map((value, i) => value * (i + 1));
    const pieces = histogramOf(values.subarray(0, 10), values.subarray(10, 500), values.subarray(500));
    const once = histogramOf(values);
    assert.equal(pieces.width, once.width);
    assert.deepEqual(pieces.counts, once.counts);
  });

  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    test(`refuses ${bad} and counts nothing`, () => {
      const histogram = histogramOf(Float32Array.of(1));
      assert.equal(histogram.add(Float32Array.of(2, bad)), false);
      assert.equal(histogram.total, 1);
    });
  }
});

for (const observer of ['percentile', 'mse', 'entropy'] as const) {
  describe(observer, () => {
    test('leaves out a lone outlier', () => {
      const range = rangeOf(observer, histogramOf(bell(300_000), Float32Array.of(100)));
      // A squared error takes a large outlier into account, the others do not.
      assert.ok(range.max < (observer === 'mse' ? 90 : 50), `up to ${range.max}`);
      assert.ok(range.min >= -1.0 && range.min < -0.2, `from ${range.min}`);
    });

    test('is never wider than the values', () => {
      const { min, max } = rangeOf(observer, histogramOf(noise(5000)));
      assert.ok(min >= -1 && max <= 1 && min < -0.7 && max > 0.7, `${min} to ${max}`);
    });

    test('of what Relu gives begins at 0', () => {
      const range = rangeOf(observer, histogramOf(bell(5000).map((value) => Math.max(0, value))));
      assert.equal(range.min, 0);
      assert.ok(range.max > 0.3, `up to ${range.max}`);
    });

    test('of zeros is 0 to 0', () => {
      assert.deepEqual(rangeOf(observer, histogramOf(new Float32Array(10))), { min: 0, max: 0 });
    });
  });
}
