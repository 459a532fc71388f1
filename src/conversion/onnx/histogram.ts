/** Bins on each side of zero. */
export const HALF_BINS = 2048;

/**
 * Counts values, as many as there are, in bins of one width around zero. The width is a power of two: when a value lies
 * outside, it is doubled and neighbours are put together, so that no count is ever split. Zeros are counted apart: half
 * of what Relu gives is zero, which every quantized range holds exactly.
 */
export class Histogram {
  /** Bin `HALF_BINS + i` holds values from `i * width` to `(i + 1) * width`. */
  counts = new Float64Array(2 * HALF_BINS);
  /** 0 until there is a value that is not zero. */
  width = 0;
  zeros = 0;
  total = 0;
  min = Number.POSITIVE_INFINITY;
  max = Number.NEGATIVE_INFINITY;

  /** Counts the values of one tensor; false, and nothing counted, if one of them is NaN or infinite. */
  add(values: ArrayLike<number>): boolean {
    let low = this.min;
    let high = this.max;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      // False for NaN as well.
      if (!(Math.abs(value) < Number.POSITIVE_INFINITY)) return false;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (values.length === 0) return true;
    this.min = low;
    this.max = high;
    this.total += values.length;
    this.#widen(Math.max(-low, high));
    this.#count(values);
    return true;
  }

  #count(values: ArrayLike<number>): void {
    const { counts } = this;
    const perWidth = this.width === 0 ? 0 : 1 / this.width;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value === 0) this.zeros++;
      else counts[Math.min(2 * HALF_BINS - 1, Math.max(0, HALF_BINS + Math.floor(value * perWidth)))]!++;
    }
  }

  #widen(bound: number): void {
    if (bound === 0) return;
    if (this.width === 0) this.width = 2 ** Math.ceil(Math.log2(bound / HALF_BINS));
    while (bound > this.width * HALF_BINS) this.#double();
  }

  #double(): void {
    const merged = new Float64Array(2 * HALF_BINS);
    for (let i = 0; i < merged.length; i++) merged[HALF_BINS / 2 + (i >> 1)]! += this.counts[i]!;
    this.counts = merged;
    this.width *= 2;
  }
}
