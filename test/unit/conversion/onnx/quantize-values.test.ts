import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  asymmetric,
  extremes,
  INT8,
  quantize,
  roundHalfEven,
  symmetricScale,
  UINT8,
} from '#src/conversion/onnx/quantize-values';

describe('roundHalfEven', () => {
  for (const [value, want] of [
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, -0],
    [-1.5, -2],
    [-2.5, -2],
    [2.4999, 2],
    [2 ** 52 + 1, 2 ** 52 + 1],
    [-(2 ** 53), -(2 ** 53)],
  ] as const) {
    test(`${value} is ${want}`, () => assert.equal(roundHalfEven(value) + 0, want + 0));
  }
});

describe('asymmetric', () => {
  test('maps the range onto all of uint8', () => {
    const { scale, zeroPoint } = asymmetric(-1, 3, UINT8);
    assert.equal(scale, Math.fround(4 / 255));
    assert.equal(zeroPoint, 64);
    assert.equal(quantize(-1, scale, zeroPoint, UINT8), 0);
    assert.equal(quantize(3, scale, zeroPoint, UINT8), 255);
  });

  test('widens the range to hold 0, which is exact', () => {
    assert.deepEqual(asymmetric(1, 2, UINT8), { scale: Math.fround(2 / 255), zeroPoint: 0 });
    assert.deepEqual(asymmetric(-2, -1, UINT8), { scale: Math.fround(2 / 255), zeroPoint: 255 });
  });

  test('takes scale 1 for a range of nothing', () => {
    assert.deepEqual(asymmetric(0, 0, UINT8), { scale: 1, zeroPoint: 0 });
    assert.deepEqual(asymmetric(0, 1e-40, UINT8), { scale: 1, zeroPoint: 0 });
  });
});

test('quantize saturates', () => {
  assert.equal(quantize(1000, 1, 0, INT8), 127);
  assert.equal(quantize(-1000, 1, 0, INT8), -127);
});

test('symmetricScale takes the bound to the end of the range', () => {
  assert.equal(symmetricScale(12.7, INT8), Math.fround(0.1));
  assert.equal(symmetricScale(0, INT8), 1);
});

test('extremes of nothing are 0, and NaN is told', () => {
  assert.deepEqual(extremes([]), { low: 0, high: 0 });
  assert.deepEqual(extremes([3, -2, 1]), { low: -2, high: 3 });
  assert.ok(Number.isNaN(extremes([1, Number.NaN, 2]).low));
});
