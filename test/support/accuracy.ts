import assert from 'node:assert/strict';
import type { Outputs } from '#src/backends/backend';
import type { Tensor } from '#src/tensor/tensor';

/** The cosine between the numbers of two tensors; NaN if one of them is all zeros. */
export function cosineOf(a: Tensor, b: Tensor): number {
  assert.deepEqual(a.shape, b.shape);
  return cosine(a.toNumbers(), b.toNumbers());
}

/** The same of bare numbers. */
export function cosine(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let [dot, own, other] = [0, 0, 0];
  for (let i = 0; i < left.length; i++) {
    dot += left[i]! * right[i]!;
    own += left[i]! ** 2;
    other += right[i]! ** 2;
  }
  return dot / Math.sqrt(own * other);
}

/** Asserts that every output has the name, dtype and shape of the expected one, and at least this cosine to it. */
export function assertNear(given: Outputs, expected: Outputs, least: number): void {
  assert.deepEqual(Object.keys(given), Object.keys(expected));
  for (const [name, want] of Object.entries(expected)) {
    const got = given[name]!;
    assert.equal(got.dtype, want.dtype, name);
    const found = cosineOf(got, want);
    assert.ok(found >= least, `the cosine of ${name} is ${found}, below ${least}`);
  }
}
