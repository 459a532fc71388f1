import { DTYPES, type DType } from '../../tensor/dtype.js';

/** One element type of the ONNX format. */
export interface ElementType {
  /** The name in the format's own type strings, as in `tensor(float)`. */
  readonly name: string;
  /** Bits of one element; 0 for strings. */
  readonly bits: number;
  /** Null where a tensor of this type cannot enter or leave a model that onnxruntime-node runs. */
  readonly dtype: DType | null;
}

/** By the number of `TensorProto.DataType`. bfloat16 weights are fine inside a model, but its tensors have no JavaScript form in the runtime. */
const ELEMENT_TYPES: Readonly<Record<number, ElementType>> = {
  1: supported('float', 'float32'),
  2: supported('uint8', 'uint8'),
  3: supported('int8', 'int8'),
  4: supported('uint16', 'uint16'),
  5: supported('int16', 'int16'),
  6: supported('int32', 'int32'),
  7: supported('int64', 'int64'),
  8: supported('string', 'string'),
  9: supported('bool', 'bool'),
  10: supported('float16', 'float16'),
  11: supported('double', 'float64'),
  12: supported('uint32', 'uint32'),
  13: supported('uint64', 'uint64'),
  14: internal('complex64', 64),
  15: internal('complex128', 128),
  16: internal('bfloat16', 16),
  17: internal('float8e4m3fn', 8),
  18: internal('float8e4m3fnuz', 8),
  19: internal('float8e5m2', 8),
  20: internal('float8e5m2fnuz', 8),
  21: internal('uint4', 4),
  22: internal('int4', 4),
  23: internal('float4e2m1', 4),
  24: internal('float8e8m0', 8),
  25: internal('uint2', 2),
  26: internal('int2', 2),
};

function supported(name: string, dtype: DType): ElementType {
  return { name, bits: DTYPES[dtype].bytes * 8, dtype };
}

function internal(name: string, bits: number): ElementType {
  return { name, bits, dtype: null };
}

/** The element type of a `TensorProto.DataType` number; newer ones than this table are named by their number. */
export function elementType(number: number): ElementType {
  return ELEMENT_TYPES[number] ?? internal(`type ${number}`, 0);
}

/** The format's name of a dtype: `float` for float32. */
export function onnxName(dtype: DType): string {
  for (const type of Object.values(ELEMENT_TYPES)) if (type.dtype === dtype) return type.name;
  return dtype;
}
