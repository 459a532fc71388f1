import type { InputValue, Outputs } from '../../backends/backend.js';
import { BufferPool } from '../../tensor/buffer-pool.js';
import { type DataOf, DTYPES, type DType, type TensorData } from '../../tensor/dtype.js';
import { Tensor } from '../../tensor/tensor.js';

/** What batches are joined in. */
const pool = new BufferPool(1 << 26);

/** Makes memory of at least so many bytes, with anything in it. */
type Allocate = (bytes: number) => ArrayBuffer;

const newBuffer: Allocate = (bytes) => new ArrayBuffer(bytes);
const pooled: Allocate = (bytes) => pool.take(bytes);

/** The rows of one request in a batch. */
export interface RowRange {
  readonly start: number;
  readonly rows: number;
}

/**
 * The arguments of one call for several requests: tensors one below the other, scalars as they are. Rows up to `rows` that
 * nobody has are zero.
 */
export function joinArguments(requests: readonly (readonly InputValue[])[], rows: number): InputValue[] {
  const [first] = requests as [readonly InputValue[]];
  return first.map((value, index) =>
    value instanceof Tensor
      ? joinRows(
          requests.map((args) => args[index] as Tensor),
          rows,
          pooled,
        )
      : value,
  );
}

/** Tensors one below the other, which agree in all dimensions but the first, filled up with zeros. */
export function joinRows(tensors: readonly Tensor[], rows: number, allocate: Allocate = newBuffer): Tensor {
  const [{ dtype, shape }] = tensors as readonly [Tensor];
  if (tensors.length === 1 && shape[0] === rows) return tensors[0]!;
  const joined = [rows, ...shape.slice(1)];
  const size = joined.reduce((product, dim) => product * dim, 1);
  return Tensor.trusted<DType>(
    dtype,
    dtype === 'string' ? joinStrings(tensors, size) : join(tensors, dtype, size, allocate),
    joined,
  );
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

/** Gives the memory of joined arguments back, once nobody reads them any more. */
export function releaseJoined(args: readonly InputValue[]): void {
  for (const value of args) {
    if (value instanceof Tensor && !Array.isArray(value.data)) pool.give(value.data.buffer as ArrayBuffer);
  }
}

function joinStrings(tensors: readonly Tensor[], size: number): string[] {
  const data = tensors.flatMap((tensor) => tensor.data as string[]);
  while (data.length < size) data.push('');
  return data;
}

/** Whether each output has one row for each row of the batch. */
export function haveRows(outputs: Outputs, rows: number): boolean {
  return Object.values(outputs).every(({ shape }) => shape[0] === rows);
}

/** One request's part of the outputs. It shares memory with the whole. */
export function rowsOf(outputs: Outputs, { start, rows }: RowRange): Outputs {
  // fromEntries makes an own property of every name that a dict of the model may have, `__proto__` too.
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensorRows(tensor, start, rows)]));
}

/** Rows of a tensor, without a copy. */
export function tensorRows({ dtype, data, shape }: Tensor, start: number, rows: number): Tensor {
  const rowSize = shape.slice(1).reduce((product, dim) => product * dim, 1);
  const [from, to] = [start * rowSize, (start + rows) * rowSize];
  const part: TensorData = Array.isArray(data) ? data.slice(from, to) : data.subarray(from, to);
  return Tensor.trusted<DType>(dtype, part, [rows, ...shape.slice(1)]);
}
