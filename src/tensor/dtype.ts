import { InfernodeError } from '../errors.js';

/** What one dtype is made of. `code` is the number that crosses the native boundary (native/include/infernode/backend.h). */
interface DTypeRow {
  readonly code: number;
  /** Bytes of one element; 0 for strings, whose elements vary. */
  readonly bytes: number;
  readonly array: TypedArrayConstructor | ArrayConstructor;
}

type TypedArrayConstructor =
  | Float32ArrayConstructor
  | Float64ArrayConstructor
  | Int8ArrayConstructor
  | Int16ArrayConstructor
  | Int32ArrayConstructor
  | BigInt64ArrayConstructor
  | Uint8ArrayConstructor
  | Uint16ArrayConstructor
  | Uint32ArrayConstructor
  | BigUint64ArrayConstructor;

/** Every dtype, with the JavaScript array that carries it. float16 and bfloat16 are carried as their bits. */
export const DTYPES = {
  float32: { code: 1, bytes: 4, array: Float32Array },
  float64: { code: 2, bytes: 8, array: Float64Array },
  float16: { code: 3, bytes: 2, array: Uint16Array },
  bfloat16: { code: 4, bytes: 2, array: Uint16Array },
  int8: { code: 5, bytes: 1, array: Int8Array },
  int16: { code: 6, bytes: 2, array: Int16Array },
  int32: { code: 7, bytes: 4, array: Int32Array },
  int64: { code: 8, bytes: 8, array: BigInt64Array },
  uint8: { code: 9, bytes: 1, array: Uint8Array },
  uint16: { code: 10, bytes: 2, array: Uint16Array },
  uint32: { code: 11, bytes: 4, array: Uint32Array },
  uint64: { code: 12, bytes: 8, array: BigUint64Array },
  bool: { code: 13, bytes: 1, array: Uint8Array },
  string: { code: 14, bytes: 0, array: Array },
} as const satisfies Record<string, DTypeRow>;

/** The element type of a tensor. */
export type DType = keyof typeof DTYPES;

interface Carriers {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
  string: string[];
}

/** The array that carries the elements of dtype `D`. It may view an ArrayBuffer or a SharedArrayBuffer. */
export type DataOf<D extends DType> = Carriers[D];

/** Any array that can carry a tensor's elements. */
export type TensorData = DataOf<DType>;

const byCode = new Map<number, DType>(Object.entries(DTYPES).map(([name, row]) => [row.code, name as DType]));

/** The dtype of a native code. */
export function dtypeOfCode(code: number): DType {
  const dtype = byCode.get(code);
  if (dtype === undefined) throw new InfernodeError('INF_INTERNAL', `Native code returned the unknown dtype ${code}`);
  return dtype;
}

/** Whether `value` names a dtype. */
export function isDType(value: unknown): value is DType {
  return typeof value === 'string' && Object.hasOwn(DTYPES, value);
}
