import protobuf from 'protobufjs/minimal.js';
import { InfernodeError, messageOf } from '../../errors.js';
import { type DataOf, DTYPES, type DType } from '../../tensor/dtype.js';
import { elementCount, Tensor } from '../../tensor/tensor.js';
import { datatypeOf } from '../wire/datatypes.js';
import { invalidTensor } from '../wire/fields.js';
import { decodeUtf8 } from '../wire/raw-tensor.js';
import { eachField, FIXED32, FIXED64, LENGTH, VARINT } from './infer-request.js';

type Reader = protobuf.Reader;

/** How InferTensorContents holds the elements of a dtype. */
interface ContentsField<D extends DType = DType> {
  readonly number: number;
  readonly wire: number;
  /** Reads one element to its place. @returns false if the dtype cannot hold it */
  readonly read: (data: DataOf<D>, index: number, reader: Reader, name: string) => boolean;
}

type Numbers = 'int8' | 'int16' | 'int32' | 'uint8' | 'uint16' | 'uint32';

const int: ContentsField<Numbers> = {
  number: 2,
  wire: VARINT,
  read: (data, i, reader) => store(data, i, reader.int32()),
};
const uint: ContentsField<Numbers> = {
  number: 4,
  wire: VARINT,
  read: (data, i, reader) => store(data, i, reader.uint32()),
};

const FIELDS: { readonly [D in DType]?: ContentsField<D> } = {
  bool: { number: 1, wire: VARINT, read: (data, i, reader) => store(data, i, Number(reader.bool())) },
  int8: int,
  int16: int,
  int32: int,
  int64: { number: 3, wire: VARINT, read: (data, i, reader) => store(data, i, bigintOf(reader.int64())) },
  uint8: uint,
  uint16: uint,
  uint32: uint,
  uint64: {
    number: 5,
    wire: VARINT,
    read: (data, i, reader) => store(data, i, BigInt.asUintN(64, bigintOf(reader.uint64()))),
  },
  float32: { number: 6, wire: FIXED32, read: (data, i, reader) => put(data, i, reader.float()) },
  float64: { number: 7, wire: FIXED64, read: (data, i, reader) => put(data, i, reader.double()) },
  string: {
    number: 8,
    wire: LENGTH,
    read: (data, i, reader, name) => put(data, i, decodeUtf8(reader.bytes(), name, i)),
  },
};

/**
 * A tensor from the bytes of an InferTensorContents.
 *
 * @throws InfernodeError INF_TENSOR_SHAPE; INF_REQUEST_INVALID where contents, shape and dtype do not agree
 */
export function tensorFromContents(dtype: DType, shape: readonly number[], bytes: Uint8Array, name: string): Tensor {
  const field = FIELDS[dtype] as ContentsField | undefined;
  const datatype = datatypeOf(dtype);
  if (field === undefined) throw invalidTensor(name, `${datatype} elements in raw_input_contents`, 'typed contents');
  const size = elementCount(shape);
  const expected = `${size} ${datatype} elements for shape [${shape.join(', ')}]`;
  // Each takes a byte at least: memory is asked for only where there can be so many.
  if (size > bytes.byteLength) throw invalidTensor(name, expected, `${bytes.byteLength} bytes of contents`);
  const data = allocate(dtype, size);
  let count = 0;
  const readOne = (reader: Reader): void => {
    if (count === size) throw invalidTensor(name, expected, 'more');
    if (!field.read(data, count++, reader, name))
      throw invalidTensor(name, `${datatype} elements`, 'one beyond their range');
  };
  const readPacked = (packed: Uint8Array): void => {
    if (field.wire === VARINT) {
      const reader = protobuf.Reader.create(packed);
      while (reader.pos < reader.len) readOne(reader);
      return;
    }
    const { bytes: width } = DTYPES[dtype];
    const end = count + packed.byteLength / width;
    if (end > size || !Number.isInteger(end)) throw invalidTensor(name, expected, `${packed.byteLength} bytes more`);
    new Uint8Array((data as Float32Array).buffer).set(packed, count * width);
    count = end;
  };
  try {
    eachField(bytes, (tag, reader) => {
      const wire = tag & 7;
      if (tag >>> 3 !== field.number) throw invalidTensor(name, expected, `field ${tag >>> 3} of the contents`);
      if (wire === field.wire) readOne(reader);
      else if (wire === LENGTH) readPacked(reader.bytes());
      else throw new Error(`wire type ${wire} in field ${field.number}`);
    });
  } catch (cause) {
    if (cause instanceof InfernodeError) throw cause;
    throw invalidTensor(name, 'InferTensorContents', messageOf(cause), cause);
  }
  if (count !== size) throw invalidTensor(name, expected, String(count));
  return new Tensor(dtype, data, shape);
}

function allocate(dtype: DType, size: number): DataOf<DType> {
  return new (DTYPES[dtype].array as new (size: number) => DataOf<DType>)(size);
}

function put<T>(data: { [index: number]: T }, index: number, value: T): boolean {
  data[index] = value;
  return true;
}

/** As `put`; typed arrays of integers wrap what they cannot hold. */
function store<T extends number | bigint>(data: { [index: number]: T }, index: number, value: T): boolean {
  data[index] = value;
  return data[index] === value;
}

function bigintOf(value: number | { low: number; high: number }): bigint {
  if (typeof value === 'number') return BigInt(value);
  return (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
}
