import type { InputValue, Outputs } from '../../backends/backend.js';
import { BufferPool } from '../../tensor/buffer-pool.js';
import { type Allocate, joinRows, sliceRows } from '../../tensor/rows.js';
import { Tensor } from '../../tensor/tensor.js';

/** What batches are joined in. */
const pool = new BufferPool(1 << 26);
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

/** Gives the memory of joined arguments back, once nobody reads them any more. */
export function releaseJoined(args: readonly InputValue[]): void {
  for (const value of args) {
    if (value instanceof Tensor && !Array.isArray(value.data)) pool.give(value.data.buffer as ArrayBuffer);
  }
}

/** Whether each output has one row for each row of the batch. */
export function haveRows(outputs: Outputs, rows: number): boolean {
  return Object.values(outputs).every(({ shape }) => shape[0] === rows);
}

/** One request's part of the outputs. It shares memory with the whole. */
export function rowsOf(outputs: Outputs, { start, rows }: RowRange): Outputs {
  // fromEntries makes an own property of every name that a dict of the model may have, `__proto__` too.
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, sliceRows(tensor, start, rows)]));
}
