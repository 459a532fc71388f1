import { InfernodeError } from '../../errors.js';
import {
  asymmetric,
  extremes,
  INT8,
  INT8_REDUCED,
  type IntegerRange,
  quantize,
  symmetricScale,
  UINT8,
} from './quantize-values.js';
import { sizeOf } from './tensor-values.js';

/** Weights in 8 bits. */
export interface QuantizedWeights {
  readonly data: Int8Array | Uint8Array;
  /** One, or one for each index of `axis`. */
  readonly scales: Float32Array;
  /** The same for all. */
  readonly zeroPoint: number;
  /** The axis whose indices have scales of their own; null for one scale. */
  readonly axis: number | null;
}

/** The largest magnitude along each index of an axis, or of all values where `axis` is null. */
export function channelBounds(
  name: string,
  values: Float32Array,
  dims: readonly number[],
  axis: number | null,
): Float64Array {
  const { channels, inner } = layout(dims, axis);
  const bounds = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    const channel = Math.floor(i / inner) % channels;
    if (magnitude > bounds[channel]!) bounds[channel] = magnitude;
    else if (Number.isNaN(magnitude)) bounds[channel] = Number.POSITIVE_INFINITY;
  }
  checkFinite(name, bounds);
  return bounds;
}

/** The scales of int8 weights whose magnitudes reach `bounds`. */
export function weightScales(bounds: Float64Array, reduceRange: boolean): Float32Array {
  const range = reduceRange ? INT8_REDUCED : INT8;
  return Float32Array.from(bounds, (bound) => symmetricScale(bound, range));
}

/** Weights as int8 of these scales, zero point 0. */
export function toInt8(
  values: Float32Array,
  dims: readonly number[],
  axis: number | null,
  scales: Float32Array,
  reduceRange = false,
): QuantizedWeights {
  const { channels, inner } = layout(dims, axis);
  const data = new Int8Array(values.length);
  // Scales may have been raised beyond what the weights need, never lowered, so the range is kept by itself.
  const range: IntegerRange = reduceRange ? INT8_REDUCED : INT8;
  for (let i = 0; i < values.length; i++) {
    data[i] = quantize(values[i]!, scales[Math.floor(i / inner) % channels]!, 0, range);
  }
  return { data, scales, zeroPoint: 0, axis };
}

/**
 * Weights as int8, symmetric: the zero point is 0, as fast kernels want it.
 * @throws InfernodeError INF_CONVERSION_FAILED for weights that are NaN or infinite
 */
export function quantizeInt8(
  name: string,
  values: Float32Array,
  dims: readonly number[],
  axis: number | null,
  reduceRange: boolean,
): QuantizedWeights {
  const scales = weightScales(channelBounds(name, values, dims, axis), reduceRange);
  return toInt8(values, dims, axis, scales, reduceRange);
}

/**
 * A constant that stands where an activation does, as uint8 with one scale.
 * @throws InfernodeError INF_CONVERSION_FAILED for values that are NaN or infinite
 */
export function quantizeUint8(name: string, values: Float32Array): QuantizedWeights {
  const { low, high } = extremes(values);
  checkFinite(name, [low, high]);
  const { scale, zeroPoint } = asymmetric(low, high, UINT8);
  const data = Uint8Array.from(values, (value) => quantize(value, scale, zeroPoint, UINT8));
  return { data, scales: Float32Array.of(scale), zeroPoint, axis: null };
}

function layout(dims: readonly number[], axis: number | null): { channels: number; inner: number } {
  if (axis === null) return { channels: 1, inner: Number.POSITIVE_INFINITY };
  return { channels: dims[axis]!, inner: sizeOf(dims.slice(axis + 1)) };
}

function checkFinite(name: string, values: ArrayLike<number>): void {
  if (Array.from(values).every(Number.isFinite)) return;
  throw new InfernodeError('INF_CONVERSION_FAILED', `Weight ${JSON.stringify(name)} holds NaN or infinite values`, {
    details: { name, expected: 'finite weights', given: 'NaN or infinity' },
  });
}
