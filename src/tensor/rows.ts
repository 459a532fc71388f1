import { type DataOf, DTYPES, type DType, type TensorData } from './dtype.js';
import { elementCount, Tensor } from './tensor.js';

/** Makes memory of at least so many bytes, with anything in it. */
export type Allocate = (bytes: number) => ArrayBuffer;

const newBuffer: Allocate = (bytes) => new ArrayBuffer(bytes);

/**
 * Tensors one below the other, filled up with zeros to `rows` rows. They must agree in dtype and in all dimensions but the
 * first. One tensor that has as many is returned as it is.
 */
export function joinRows(tensors: readonly Tensor[], rows: number, allocate: Allocate = newBuffer): Tensor {
  const [{ dtype, shape }] = tensors as readonly [Tensor];
  if (tensors.length === 1 && shape[0] === rows) return tensors[0]!;
  const joined = [rows, ...shape.slice(1)];
  const size = elementCount(joined);
  const data = dtype === 'string' ? joinStrings(tensors, size) : join(tensors, dtype, size, allocate);
  return Tensor.trusted<DType>(dtype, data, joined);
}

/** Some rows of a tensor. They share memory with it, but for strings. */
export function sliceRows({ dtype, data, shape }: Tensor, start: number, rows: number): Tensor {
  const row = shape.slice(1);
  const rowSize = elementCount(row);
  const [from, to] = [start * rowSize, (start + rows) * rowSize];
  const part: TensorData = Array.isArray(data) ? data.slice(from, to) : data.subarray(from, to);
  return Tensor.trusted<DType>(dtype, part, [rows, ...row]);
}

function join(
  tensors: readonly Tensor[],
  dtype: Exclude<DType, 'string'>,
  size: number,
  allocate: Allocate,
): DataOf<DType> {
  const { array, bytes } = DTYPES[dtype];
  const data = new array(allocate(size * bytes), 0, size);
  let offset = 0;
  for (const tensor of tensors) {
    data.set(tensor.data as never, offset);
    offset += tensor.size;
  }
  // As bytes, which a BigInt64Array has as well.
  new Uint8Array(data.buffer, offset * bytes, data.byteLength - offset * bytes).fill(0);
  return data;
}

function joinStrings(tensors: readonly Tensor[], size: number): string[] {
  const data = tensors.flatMap((tensor) => tensor.data as string[]);
  while (data.length < size) data.push('');
  return data;
}
