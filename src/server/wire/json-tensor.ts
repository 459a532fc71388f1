import { InfernodeError } from '../../errors.js';
import { DTYPES, type DType } from '../../tensor/dtype.js';
import { tensorFromJson } from '../../tensor/json.js';
import { elementCount, Tensor } from '../../tensor/tensor.js';

/**
 * A tensor from the `data` of a JSON request, flat or nested. NaN and the infinities are the strings "NaN", "Infinity" and
 * "-Infinity"; 64-bit integers may be strings.
 *
 * @throws InfernodeError INF_TENSOR_SHAPE, INF_TENSOR_DATA, with the name of the input
 */
export function tensorFromData(dtype: DType, shape: readonly number[], data: unknown, name: string): Tensor {
  const flat = Array.isArray(data) ? flatNumbers(dtype, data) : null;
  if (flat !== null && flat.length === elementCount(shape)) return new Tensor<DType>(dtype, flat, shape);
  try {
    return tensorFromJson({ dtype, shape, data: data ?? null });
  } catch (error) {
    if (!(error instanceof InfernodeError)) throw error;
    throw new InfernodeError(error.code, `Input "${name}": ${error.message}`, {
      cause: error,
      details: { ...error.details, name },
    });
  }
}

type SmallInteger = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32';

/** The common case without ceremony: a flat array of plain numbers that need no check but this one. Null for all else. */
function flatNumbers(dtype: DType, data: readonly unknown[]) {
  if (dtype === 'float32' || dtype === 'float64') {
    const stored = new DTYPES[dtype].array(data.length);
    for (let index = 0; index < data.length; index++) {
      const value = data[index];
      if (typeof value !== 'number') return null;
      stored[index] = value;
      if (!Number.isFinite(stored[index])) return null;
    }
    return stored;
  }
  if (!isSmallInteger(dtype)) return null;
  const stored = new DTYPES[dtype].array(data.length);
  for (let index = 0; index < data.length; index++) {
    const value = data[index];
    if (typeof value !== 'number') return null;
    stored[index] = value;
    // Wrapped around or cut off.
    if (stored[index] !== value) return null;
  }
  return stored;
}

function isSmallInteger(dtype: DType): dtype is SmallInteger {
  return /^u?int(8|16|32)$/.test(dtype);
}

/** The elements as the text of a flat JSON array. 64-bit integers have all their digits; NaN and the infinities are strings. */
export function dataToJson(tensor: Tensor): string {
  const { dtype, data } = tensor;
  if (dtype === 'string') return JSON.stringify(data);
  if (dtype === 'bool')
    return `[${Array.from(data as Uint8Array, (value) => (value === 0 ? 'false' : 'true')).join()}]`;
  if (dtype.startsWith('float') || dtype === 'bfloat16') return floatsToJson(tensor.toNumbers());
  return `[${(data as Int32Array).join()}]`;
}

function floatsToJson(values: ArrayLike<number> & { join(): string }): string {
  for (let index = 0; index < values.length; index++) {
    const value = values[index]!;
    if (!Number.isFinite(value) || Object.is(value, -0)) return `[${Array.from(values, floatToJson).join()}]`;
  }
  return `[${values.join()}]`;
}

function floatToJson(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  return Object.is(value, -0) ? '-0' : String(value);
}
