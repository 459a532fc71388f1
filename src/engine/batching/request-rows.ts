import type { InputValue, Signature } from '../../backends/backend.js';
import { Tensor } from '../../tensor/tensor.js';

/** What decides whether requests may share a call of the model. */
export interface RequestRows {
  /** Rows of the request: the size of the first dimension of all its tensors. */
  readonly rows: number;
  /** Equal for requests that may be joined. */
  readonly key: string;
}

/**
 * The rows of a request whose tensors all have as many, at least one; null for a request that can only run by itself: one
 * with tuples, lists or dicts, with tensors of no dimension, or with different numbers of rows.
 *
 * Requests may be joined if they call the same method with tensors that agree in dtype and in all dimensions but the first,
 * and with equal scalars.
 *
 * @param args one value for each input of the signature
 */
export function requestRows(method: string, { inputs }: Signature, args: readonly InputValue[]): RequestRows | null {
  let rows = 0;
  let key = method;
  for (let index = 0; index < inputs.length; index++) {
    const value = args[index];
    if (value instanceof Tensor) {
      const { shape } = value;
      const size = shape[0];
      if (size === undefined || size === 0 || (rows !== 0 && size !== rows)) return null;
      rows = size;
      key += `;${value.dtype}`;
      for (let axis = 1; axis < shape.length; axis++) key += `,${shape[axis]}`;
    } else if (value === undefined || value === null) {
      key += ';';
    } else if (typeof value !== 'object') {
      // The type keeps 1, 1n, '1' and true apart, the length a text from what follows it.
      const text = String(value);
      key += `;${typeof value}:${text.length}:${text}`;
    } else {
      return null;
    }
  }
  return rows === 0 ? null : { rows, key };
}
