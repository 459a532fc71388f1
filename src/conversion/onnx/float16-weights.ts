import { numberToFloat16 } from '../../tensor/half.js';
import { ELEMENT } from './element-type.js';
import type { TensorProto } from './onnx-proto.js';
import { floatsOf, tensorOf } from './tensor-values.js';

const LARGEST = 65504;
const SMALLEST = 2 ** -24;

/** A float32 tensor in float16. */
export interface HalfTensor {
  readonly tensor: TensorProto;
  /** Values that float16 cannot come near to. */
  readonly clamped: number;
}

/**
 * Rounds to float16. Finite values beyond 65504 become 65504, and values that would become 0 become the smallest number
 * instead: a mask of -3.4e38 must not turn to infinity, nor an epsilon of 1e-12 that something is divided by to 0. NaN
 * and infinity stay.
 */
export function toFloat16(tensor: TensorProto): HalfTensor {
  const values = floatsOf(tensor)!;
  const bits = new Uint16Array(values.length);
  let clamped = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const magnitude = Math.abs(value);
    let kept = value;
    if (magnitude > LARGEST && magnitude < Number.POSITIVE_INFINITY) kept = Math.sign(value) * LARGEST;
    else if (magnitude < SMALLEST && magnitude > 0) kept = Math.sign(value) * SMALLEST;
    if (kept !== value && !Number.isNaN(value)) clamped++;
    bits[i] = numberToFloat16(kept);
  }
  return { tensor: tensorOf(tensor.name, ELEMENT.float16, tensor.dims, bits), clamped };
}

/** Puts the float16 form in the place of a float32 tensor; returns how many values were clamped. */
export function convertInPlace(tensor: TensorProto): number {
  const { tensor: half, clamped } = toFloat16(tensor);
  tensor.dataType = ELEMENT.float16;
  tensor.rawData = half.rawData!;
  tensor.floatData = [];
  return clamped;
}
