import type { Tensor } from '../../tensor/tensor.js';

/**
 * Calls below this stay on the caller's thread: the way to a worker takes some 10 us where both threads are awake, 100 us and more
 * where a core sleeps. An event loop that answers requests does not feel a call of that length.
 */
const QUICK_MS = 0.1;
/**
 * Calls that take less in a worker are tried on the caller's thread. One that a worker was woken for takes several times as long as
 * the same call there: its core has slept, and the caches have nothing of it.
 */
const WORTH_A_TRY_MS = 0.5;
/** Shorter ones may have been interrupted. */
const LONG_MS = 1;
const LEAST_NEEDED = 16;
const MOST_NEEDED = 2 ** 20;
/** After so many calls that were as expected, a long one is half forgotten. */
const FORGIVEN = 256;
/** Of the average before. */
const WEIGHT = 8;

/**
 * Learns from how long calls took, as native/core/quick_calls.h does: one is expected to be quick after several of its shapes in a
 * row that were so on average. A long one ends that, and makes the row that is asked for longer, the more the longer it took; many
 * others make it shorter again. So a model whose time depends on the content of its inputs seldom holds up whoever trusted it.
 */
export class QuickCalls {
  /** Of the latest call. */
  #shapes: readonly (readonly number[])[] = [];
  /** Whether it ran on the caller's thread. */
  #wasHere = false;
  /** Of those in a row that ran in the same thread. */
  #averageMs = 0;
  /** So many of those shapes, none of them long. */
  #row = 0;
  #needed = LEAST_NEEDED;

  /** Whether a call and so many others of its kind take little time together. */
  expects(inputs: readonly Tensor[], others: number): boolean {
    const limit = this.#wasHere ? QUICK_MS : WORTH_A_TRY_MS;
    return this.#row >= this.#needed && (1 + others) * this.#averageMs < limit && this.#isSameKind(inputs);
  }

  /** @param isHere whether the call ran on the caller's thread, rather than in a worker */
  took(inputs: readonly Tensor[], ms: number, isHere: boolean): void {
    const isSame = this.#isSameKind(inputs);
    if (ms > LONG_MS) {
      this.#row = 0;
      if (isHere) this.#distrust(ms / LONG_MS);
    } else if (!isSame || this.#row === 0) {
      this.#row = 1;
      this.#averageMs = ms;
    } else {
      // The first ones in this thread find nothing in the caches, and count for less.
      if (isHere !== this.#wasHere) this.#averageMs = isHere ? 0 : ms;
      this.#row++;
      this.#averageMs += (ms - this.#averageMs) / WEIGHT;
      if (this.#row >= this.#needed && this.#row % FORGIVEN === 0)
        this.#needed = Math.max(this.#needed / 2, LEAST_NEEDED);
      if (isHere && this.#averageMs >= QUICK_MS) {
        this.#row = 0;
        this.#distrust(1);
      }
    }
    this.#wasHere = isHere;
    if (!isSame) this.#shapes = inputs.map(({ shape }) => shape);
  }

  /** Asks for twice as long a row, or more. */
  #distrust(times: number): void {
    this.#needed = Math.min(this.#needed * 2 ** Math.ceil(Math.log2(Math.floor(times) + 1)), MOST_NEEDED);
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
