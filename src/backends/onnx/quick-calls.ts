import type { Tensor } from '../../tensor/tensor.js';

/** Calls below this stay on the caller's thread: an event loop that answers requests does not feel one of that length. */
const QUICK_MS = 0.1;
/** So do those below this that take less than half of what they take by way of a worker: its core has slept, and its caches are cold. */
const MOST_MS = 0.5;
/** Calls that take less by way of a worker are tried on the caller's thread. */
const WORTH_A_TRY_MS = 2;
/** Shorter ones on the caller's thread may have been interrupted. */
const LONG_MS = 1;
const LEAST_NEEDED = 16;
const MOST_NEEDED = 2 ** 20;
/** Of calls that turn out to be somewhat slow on the caller's thread, which costs little to find out. */
const MOST_NEEDED_OF_SLOW = 256;
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
  /** Averages of those in a row, on the caller's thread and by way of a worker. */
  #hereMs = 0;
  #workerMs = 0;
  /** So many of those shapes, none of them long on the caller's thread. */
  #row = 0;
  #needed = LEAST_NEEDED;

  /** Whether a call and so many others of its kind take little time together. */
  expects(inputs: readonly Tensor[], others: number): boolean {
    if (this.#row < this.#needed || !this.#isSameKind(inputs)) return false;
    const [averageMs, limit] = this.#wasHere ? [this.#hereMs, this.#limitMs] : [this.#workerMs, WORTH_A_TRY_MS];
    return (1 + others) * averageMs < limit;
  }

  /**
   * @param ms how long a call took on the caller's thread, or from call to answer by way of a worker
   * @param isHere which of the two
   */
  took(inputs: readonly Tensor[], ms: number, isHere: boolean): void {
    const isSame = this.#isSameKind(inputs);
    if (isHere && ms > LONG_MS) {
      this.#row = 0;
      this.#needed = Math.min(this.#needed * longerBy(ms), MOST_NEEDED);
    } else {
      this.#row = isSame ? this.#row + 1 : 1;
      if (isHere) this.#tookHere(ms);
      else this.#workerMs = this.#row === 1 || this.#wasHere ? ms : averaged(this.#workerMs, ms);
      if (this.#row >= this.#needed && this.#row % FORGIVEN === 0) {
        this.#needed = Math.max(this.#needed / 2, LEAST_NEEDED);
      }
    }
    this.#wasHere = isHere;
    if (!isSame) this.#shapes = inputs.map(({ shape }) => shape);
  }

  #tookHere(ms: number): void {
    // The first ones find nothing in the caches, and count for less.
    this.#hereMs = averaged(this.#wasHere ? this.#hereMs : 0, ms);
    if (this.#hereMs < this.#limitMs) return;
    this.#row = 0;
    if (this.#needed < MOST_NEEDED_OF_SLOW) this.#needed *= 2;
  }

  get #limitMs(): number {
    return Math.min(Math.max(QUICK_MS, this.#workerMs / 2), MOST_MS);
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

function averaged(before: number, ms: number): number {
  return before + (ms - before) / WEIGHT;
}

/** How many times as long a row is asked for after a long call. */
function longerBy(ms: number): number {
  return 2 ** Math.ceil(Math.log2(Math.floor(ms / LONG_MS) + 1));
}
