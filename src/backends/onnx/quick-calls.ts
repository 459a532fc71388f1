import type { Tensor } from '../../tensor/tensor.js';

/** Calls below this stay on the caller's thread: an event loop that answers requests does not feel one of that length. */
const QUICK_MS = 0.1;
/** So do those below this that take less than half of what they take by way of a worker: its core has slept, and its caches are cold. */
const MOST_MS = 0.5;
/** Calls for which a worker needs less, without the way to it and back, are tried on the caller's thread. */
const WORTH_A_TRY_MS = 1;
/** Shorter ones on the caller's thread may have been interrupted. */
export const LONG_MS = 1;
/** So may have been those below this that come after many quick ones: another process, or garbage that is collected. */
const FORGIVEN_MS = 10;
/** Calls in a row, none of them long, before they are expected to be quick. */
const LEAST_NEEDED = 16;
const MOST_NEEDED = 2 ** 20;
/** Whoever was quick for so many calls is trusted more the next time; others less. */
const LASTING = 256;
/** Of calls that turn out to be somewhat slow on the caller's thread, which costs little to find out. */
const MOST_DISTRUST_OF_SLOW = 16;
/** Of the average before. */
const WEIGHT = 8;
/** Kinds of shapes that are kept in mind. */
const MOST_KINDS = 16;

/** Of each axis of each input, the bits of its size: what learnt batches of 17 holds for 32. */
type Sizes = readonly (readonly number[])[];

/**
 * Learns from how long calls took, as native/core/quick_calls.h does: one is expected to be quick after several of about its shapes
 * in a row that were so on average. A long one ends that, unless it is the first of many: a row is asked for that is as much longer as the
 * call was, and twice as long each time that it did not last. So a model whose time depends on the content of its inputs seldom holds
 * up whoever trusted it, and a call that was interrupted does no harm.
 */
export class QuickCalls {
  /** Batches have several sizes. The kind of the latest call is first. */
  readonly #kinds: CallsOfSizes[] = [];

  /** Whether a call and so many others of its kind take little time together. */
  expects(inputs: readonly Tensor[], others: number): boolean {
    return this.#known(inputs)?.expects(others) ?? false;
  }

  /** @param ms how long a call took on the caller's thread */
  tookHere(inputs: readonly Tensor[], ms: number): void {
    this.#kindOf(inputs).tookHere(ms);
  }

  /**
   * @param ms from call to answer by way of a worker
   * @param ownMs how long the worker itself took
   */
  tookByWorker(inputs: readonly Tensor[], ms: number, ownMs: number): void {
    this.#kindOf(inputs).tookByWorker(ms, ownMs);
  }

  #kindOf(inputs: readonly Tensor[]): CallsOfSizes {
    const kinds = this.#kinds;
    const known = this.#known(inputs);
    if (known !== undefined && known === kinds[0]) return known;
    if (known !== undefined) kinds.splice(kinds.indexOf(known), 1);
    else if (kinds.length === MOST_KINDS) kinds.pop();
    const latest = known ?? new CallsOfSizes(inputs.map(({ shape }) => shape.map(bitsOf)));
    kinds.unshift(latest);
    return latest;
  }

  /** Not by `find`, whose callback would be made anew in each call. */
  #known(inputs: readonly Tensor[]): CallsOfSizes | undefined {
    for (const kind of this.#kinds) if (areOf(inputs, kind.sizes)) return kind;
    return undefined;
  }
}

class CallsOfSizes {
  /** Whether the latest one ran on the caller's thread. */
  #wasHere = false;
  /** Averages of those in a row: on the caller's thread, by way of a worker, and in it. */
  #hereMs = 0;
  #workerMs = 0;
  #ownMs = 0;
  /** So many, none of them long on the caller's thread. */
  #row = 0;
  #needed = LEAST_NEEDED;
  #distrust = 1;

  constructor(readonly sizes: Sizes) {}

  expects(others: number): boolean {
    if (this.#row < this.#needed) return false;
    const [averageMs, limit] = this.#wasHere ? [this.#hereMs, this.#limitMs] : [this.#ownMs, WORTH_A_TRY_MS];
    return averageMs < limit && (1 + others) * averageMs < (this.#wasHere ? MOST_MS : limit);
  }

  tookHere(ms: number): void {
    if (ms > LONG_MS) this.#tookLong(ms);
    else {
      this.#row++;
      // The first ones find nothing in the caches, and count for less.
      this.#hereMs = averaged(this.#wasHere ? this.#hereMs : 0, ms);
      if (this.#hereMs >= this.#limitMs) this.#end(1, MOST_DISTRUST_OF_SLOW);
    }
    this.#wasHere = true;
  }

  tookByWorker(ms: number, ownMs: number): void {
    const isFirst = this.#row++ === 0 || this.#wasHere;
    this.#workerMs = isFirst ? ms : averaged(this.#workerMs, ms);
    this.#ownMs = isFirst ? ownMs : averaged(this.#ownMs, ownMs);
    this.#wasHere = false;
  }

  #tookLong(ms: number): void {
    if (ms < FORGIVEN_MS && this.#isLasting) {
      this.#judge(MOST_NEEDED);
      // It is trusted as before, but has to last anew.
      this.#row = this.#needed;
    } else this.#end(Math.ceil(ms / LONG_MS), MOST_NEEDED);
  }

  /** Begins another row, so many times as long. */
  #end(times: number, mostDistrust: number): void {
    this.#judge(mostDistrust);
    this.#needed = Math.min(LEAST_NEEDED * times * this.#distrust, MOST_NEEDED);
    this.#row = 0;
  }

  #judge(mostDistrust: number): void {
    if (this.#isLasting) this.#distrust = Math.max(this.#distrust / 2, 1);
    else if (this.#distrust < mostDistrust) this.#distrust *= 2;
  }

  get #isLasting(): boolean {
    return this.#row - this.#needed >= LASTING;
  }

  get #limitMs(): number {
    return Math.min(Math.max(QUICK_MS, this.#workerMs / 2), MOST_MS);
  }
}

function bitsOf(size: number): number {
  return 32 - Math.clz32(size - 1);
}

function areOf(inputs: readonly Tensor[], known: Sizes): boolean {
  if (known.length !== inputs.length) return false;
  for (let index = 0; index < known.length; index++) {
    const [one, other] = [known[index]!, inputs[index]!.shape];
    if (one.length !== other.length) return false;
    for (let axis = 0; axis < one.length; axis++) if (one[axis] !== bitsOf(other[axis]!)) return false;
  }
  return true;
}

function averaged(before: number, ms: number): number {
  return before + (ms - before) / WEIGHT;
}
