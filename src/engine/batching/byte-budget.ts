import type { InputValue } from '../../backends/backend.js';
import { Tensor } from '../../tensor/tensor.js';

/** How much the tensors of all requests that wait or run may hold. One request alone may hold any amount. */
export class ByteBudget {
  #used = 0;

  constructor(readonly limit: number) {}

  get used(): number {
    return this.#used;
  }

  /** False if there is no room now. */
  take(bytes: number): boolean {
    if (this.#used > 0 && this.#used + bytes > this.limit) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

/** The bytes of all tensors among arguments. */
export function bytesOf(args: readonly InputValue[]): number {
  let bytes = 0;
  for (const value of args) {
    if (value instanceof Tensor) bytes += value.byteLength;
    else if (typeof value === 'object' && value !== null) bytes += bytesOf(Object.values(value));
  }
  return bytes;
}
