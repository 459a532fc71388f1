/**
 * The largest difference between elements of two arrays of one length, relative to the largest finite element of `b`. NaN where one
 * of them has a NaN and the other does not; equal infinities differ by nothing.
 */
export function relativeDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  let distance = 0;
  for (let index = 0; index < a.length; index++) {
    const [x, y] = [a[index]!, b[index]!];
    if (Number.isFinite(y)) largest = Math.max(largest, Math.abs(y));
    if (Object.is(x, y) || x === y) continue;
    distance = Number.isNaN(x - y) ? Number.NaN : Math.max(distance, Math.abs(x - y));
    if (Number.isNaN(distance)) return distance;
  }
  return distance === 0 ? 0 : distance / Math.max(largest, Number.MIN_VALUE);
}
