/**
 * The arithmetic of quantization: real = scale * (quantized - zeroPoint). As in ONNX QuantizeLinear, values are rounded
 * to nearest, ties to even, and saturate. The range of a tensor always includes 0, so that 0 (padding above all) is exact.
 */

/** Smallest normal float32: a smaller scale would lose precision or divide to infinity. */
const TINY = 2 ** -126;

/** The integers that values may become. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

/** Signed weights leave out -128, so that the range is symmetric. */
export const INT8: IntegerRange = { min: -127, max: 127 };

/**
 * One bit less: on x86 without VNNI, two products of uint8 and int8 are added in 16 bits, which saturate. See "When and
 * why do I need to try U8U8?" in the quantization guide of ONNX Runtime.
 */
export const INT8_REDUCED: IntegerRange = { min: -64, max: 64 };

export const UINT8: IntegerRange = { min: 0, max: 255 };

export interface ScaleAndZero {
  /** Rounded to float32, as files hold it. */
  readonly scale: number;
  readonly zeroPoint: number;
}

/** Rounds to the nearest integer, ties to even. */
export function roundHalfEven(value: number): number {
  // Beyond 2^51, adding the constant would lose bits; there is no fraction left to round either.
  if (!(Math.abs(value) < 2 ** 51)) return value;
  const magic = 6755399441055744; // 1.5 * 2^52: the sum has no fraction bits, and IEEE 754 rounds it half to even.
  return value + magic - magic;
}

/** Scale and zero point that map `[low, high]`, widened to include 0, onto all of `range`. */
export function asymmetric(low: number, high: number, range: IntegerRange): ScaleAndZero {
  const min = Math.min(low, 0);
  const max = Math.max(high, 0);
  const scale = (max - min) / (range.max - range.min);
  if (scale < TINY) return { scale: 1, zeroPoint: 0 };
  return { scale: Math.fround(scale), zeroPoint: roundHalfEven(range.min - min / scale) };
}

/** The scale that maps `[-bound, bound]` onto a symmetric `range`, whose zero point is 0. */
export function symmetricScale(bound: number, range: IntegerRange): number {
  const scale = (2 * bound) / (range.max - range.min);
  return scale < TINY ? 1 : Math.fround(scale);
}

/** One value in integers. */
export function quantize(value: number, scale: number, zeroPoint: number, { min, max }: IntegerRange): number {
  // The quotient is rounded to float32 first: so does the runtime, and so must a weight that it would quantize itself.
  const rounded = roundHalfEven(Math.fround(value / scale)) + zeroPoint;
  return rounded < min ? min : rounded > max ? max : rounded;
}

/** Lowest and highest of some values; 0 and 0 if there are none. NaN makes both NaN. */
export function extremes(values: ArrayLike<number>): { readonly low: number; readonly high: number } {
  let low = values.length === 0 ? 0 : Number.POSITIVE_INFINITY;
  let high = values.length === 0 ? 0 : Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (Number.isNaN(value)) return { low: value, high: value };
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}
