import { InfernodeError } from '../../errors.js';
import type { DType } from '../../tensor/dtype.js';

/** The datatypes of the Open Inference Protocol, by the dtype of Infernode. */
const NAMES = {
  bool: 'BOOL',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  float16: 'FP16',
  float32: 'FP32',
  float64: 'FP64',
  bfloat16: 'BF16',
  string: 'BYTES',
} as const satisfies Record<DType, string>;

/** A datatype of the protocol. */
export type Datatype = (typeof NAMES)[DType];

const byName = new Map<string, DType>(Object.entries(NAMES).map(([dtype, name]) => [name, dtype as DType]));

/** The protocol's name of a dtype. */
export function datatypeOf(dtype: DType): Datatype {
  return NAMES[dtype];
}

/** The dtype that the protocol calls `datatype`. @throws InfernodeError INF_REQUEST_INVALID */
export function dtypeOf(datatype: unknown, what: string): DType {
  const dtype = typeof datatype === 'string' ? byName.get(datatype) : undefined;
  if (dtype !== undefined) return dtype;
  const expected = [...byName.keys()].join(', ');
  throw new InfernodeError(
    'INF_REQUEST_INVALID',
    `${what} must be one of ${expected}, not ${JSON.stringify(datatype)}`,
    {
      details: { expected, given: String(datatype) },
    },
  );
}
