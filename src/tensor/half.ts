/**
 * Conversion between float32 and the two 16-bit floats (as torch does it, a double is rounded to float32 first), round to nearest, ties to even (IEEE 754-2019, 4.3.1).
 * Node 20 has no Float16Array, so both are carried as their bits in a Uint16Array.
 */

const floatView = new Float32Array(1);
const bitsView = new Uint32Array(floatView.buffer);

/** The float32 value of the IEEE binary16 in `bits`. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of the IEEE binary16 nearest to `value`. */
export function numberToFloat16(value: number): number {
  floatView[0] = value;
  const bits = bitsView[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // rounds to a value over 65504
  if (magnitude < 0x38800000) {
    // Subnormal: a multiple of 2^-24. Math.abs(value) / 2^-24 is exact in float64, so one rounding happens.
    return sign | roundHalfEven(Math.abs(floatView[0]!) * 2 ** 24);
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** The float32 value of the bfloat16 in `bits`. */
export function bfloat16ToNumber(bits: number): number {
  bitsView[0] = (bits << 16) >>> 0;
  return floatView[0]!;
}

/** The bits of the bfloat16 nearest to `value`. */
export function numberToBfloat16(value: number): number {
  floatView[0] = value;
  const bits = bitsView[0]!;
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >>> 16) & 0x8000) | 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) return floor + 1;
  return floor;
}
