/** Each measurement counts this much less than the next: the last 50 or so decide. */
const FORGET = 0.98;

/**
 * So many times as long as expected counts a call at most: garbage that is collected meanwhile, or another process, takes a
 * hundred times what a quick call does.
 */
const MOST_TIMES = 4;
/** Of calls expected to be shorter, that is counted from here. */
const SHORTEST_MS = 0.01;

/** Requests may have any number of rows; so many sizes are remembered. */
const MOST_SEEN = 256;

/** A call this short is worth making even where a larger batch gains little. */
const SHORT_MS = 10;

/** Beyond the size where the fixed part is this small a share, a larger batch only makes its requests wait. */
const WORTHWHILE_SHARE = 0.05;

/** After at least so many calls of a single row each, two are tried together again; twice as many each time that they do not pay. */
const LEAST_SINGLES = 32;
const MOST_SINGLES = 16_000;
/** So many times, for one may have met with a stall. */
const TRIES = 8;

/** A larger batch that costs this share of a row more than its rows alone is none that anybody wants... */
const TOO_DEAR = 0.25;
/** ...unless that is less than what the call which it saves costs besides: it is handed over, awaited, and answered. */
const CALL_MS = 0.05;

/** Milliseconds of any call, and of each row in it. */
export interface CallCost {
  readonly fixedMs: number;
  readonly perRowMs: number;
  /** Whether rows cost more together than alone, as where the activations of one fit into the caches. */
  readonly isDearer: boolean;
}

/**
 * What a call costs by its number of rows: `fixed + perRow * rows` milliseconds, fitted to the measured calls by least
 * squares, recent ones weighing more. The idea of a linear cost is BentoML's dispatcher's.
 */
export class CostModel {
  #weight = 0;
  #rows = 0;
  #rowsSquared = 0;
  #ms = 0;
  #rowsMs = 0;
  #estimate: CallCost | null = null;
  /** Rows of calls so far. */
  readonly #seen = new Set<number>();
  /** Calls of a single row each, since it was found that more together do not pay, or were last tried. */
  #singles = 0;
  #singlesNeeded = LEAST_SINGLES;
  /** Larger calls that are still to be tried. */
  #triesLeft = 0;

  add(rows: number, measuredMs: number): void {
    const expectedMs = this.expectMs(rows) ?? Number.POSITIVE_INFINITY;
    // The first call of a size may compile and allocate what those after it need not.
    const isWarm = this.#estimate === null || this.#seen.has(rows);
    if (this.#seen.size === MOST_SEEN) this.#seen.clear();
    this.#seen.add(rows);
    const ms = Math.min(measuredMs, isWarm ? MOST_TIMES * Math.max(expectedMs, SHORTEST_MS) : expectedMs);
    this.#weight = this.#weight * FORGET + 1;
    this.#rows = this.#rows * FORGET + rows;
    this.#rowsSquared = this.#rowsSquared * FORGET + rows * rows;
    this.#ms = this.#ms * FORGET + ms;
    this.#rowsMs = this.#rowsMs * FORGET + rows * ms;
    const spread = this.#weight * this.#rowsSquared - this.#rows * this.#rows;
    if (spread > 1e-6 * this.#rowsSquared * this.#weight) this.#estimate = this.#fit(spread);
    this.#retry(rows);
  }

  /** What was measured may have been a stall of the machine, or the first calls, and single rows alone would never tell. */
  #retry(rows: number): void {
    if (this.#worthJoining() > 1) {
      this.#singles = 0;
      this.#singlesNeeded = LEAST_SINGLES;
      this.#triesLeft = 0;
    } else if (rows > 1) {
      this.#triesLeft = Math.max(0, this.#triesLeft - 1);
    } else if (++this.#singles >= this.#singlesNeeded) {
      this.#singles = 0;
      this.#singlesNeeded = Math.min(2 * this.#singlesNeeded, MOST_SINGLES);
      this.#triesLeft = TRIES;
    }
  }

  /**
   * Null as long as calls of one size only were seen. Where other sizes are all but forgotten, it stays what it was: a model
   * whose batches do not pay must not be given a large one every now and then.
   */
  get estimate(): CallCost | null {
    return this.#estimate;
  }

  #fit(spread: number): CallCost {
    const slope = (this.#weight * this.#rowsMs - this.#rows * this.#ms) / spread;
    // Neither part can be negative: the other one then explains all.
    if (slope <= 0) return { fixedMs: this.#ms / this.#weight, perRowMs: 0, isDearer: false };
    const fixed = (this.#ms - slope * this.#rows) / this.#weight;
    if (fixed > 0) return { fixedMs: fixed, perRowMs: slope, isDearer: false };
    return { fixedMs: 0, perRowMs: this.#rowsMs / this.#rowsSquared, isDearer: -fixed > TOO_DEAR * slope + CALL_MS };
  }

  /** Milliseconds that a call of so many rows takes; null if nothing is known yet. */
  expectMs(rows: number): number | null {
    const { estimate } = this;
    if (estimate !== null) return estimate.fixedMs + estimate.perRowMs * rows;
    return this.#rows > 0 ? (this.#ms / this.#rows) * rows : null;
  }

  /** The most rows that are worth joining, at least 1. */
  usefulRows(): number {
    return Math.max(this.#worthJoining(), this.#triesLeft > 0 ? 2 : 1);
  }

  #worthJoining(): number {
    const { estimate } = this;
    if (estimate === null) return Number.POSITIVE_INFINITY;
    const { fixedMs, perRowMs, isDearer } = estimate;
    if (isDearer) return 1;
    const gain = (fixedMs * (1 / WORTHWHILE_SHARE - 1)) / perRowMs;
    const short = (SHORT_MS - fixedMs) / perRowMs;
    return Math.max(1, Math.floor(Math.max(gain, short)));
  }
}
