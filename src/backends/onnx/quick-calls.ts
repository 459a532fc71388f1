import type { Tensor } from '../../tensor/tensor.js';

/**
 * Calls below this stay on the caller's thread: the way to a worker takes some 10 us where both threads are awake, 100 us and more
 * where a core sleeps. An event loop that answers requests does not feel a call of that length.
 */
const QUICK_MS = 0.1;
/** Shorter ones may have been interrupted. */
const LONG_MS = 1;
const LEAST_NEEDED = 16;
const MOST_NEEDED = 2 ** 20;
/** After so many calls, a long one is half forgotten. */
const FORGIVEN = 4096;
/** Of the average before. */
const WEIGHT = 8;

/**
 * Learns from how long calls took, as native/core/quick_calls.h does: one is expected to be quick after several of its shapes in a
 * row that were so on average. A long one ends that, and makes the row that is asked for twice as long; many others make it shorter
 * again. So a model whose time depends on the content of its inputs seldom holds up whoever trusted it.
 */
export class QuickCalls {
  /** Of the latest call. */
  #shapes: readonly (readonly number[])[] = [];
  #averageMs = 0;
  /** So many of those shapes, none of them long. */
  #row = 0;
  #needed = LEAST_NEEDED;

  /** Whether a call and so many others of its kind take little time together. */
  expects(inputs: readonly Tensor[], others: number): boolean {
    return this.#row >= this.#needed && (1 + others) * this.#averageMs < QUICK_MS && this.#isSameKind(inputs);
  }

  took(inputs: readonly Tensor[], ms: number): void {
    const isSame = this.#isSameKind(inputs);
    if (ms > LONG_MS) {
      if (isSame && this.#row >= this.#needed) this.#needed = Math.min(this.#needed * 2, MOST_NEEDED);
      this.#row = 0;
    } else if (!isSame || this.#row === 0) {
      this.#row = 1;
      this.#averageMs = ms;
    } else {
      this.#row++;
      this.#averageMs += (ms - this.#averageMs) / WEIGHT;
      if (this.#row % FORGIVEN === 0) this.#needed = Math.max(this.#needed / 2, LEAST_NEEDED);
    }
    if (!isSame) this.#shapes = inputs.map(({ shape }) => shape);
  }

  #isSameKind(inputs: readonly Tensor[]): boolean {
    const known = this.#shapes;
    if (known.length !== inputs.length) return false;
    for (let index = 0; index < known.length; index++) {
      const [one, other] = [known[index]!, inputs[index]!.shape];
      if (one.length !== other.length) return false;
      for (let axis = 0; axis < one.length; axis++) if (one[axis] !== other[axis]) return false;
    }
    return true;
  }
}
