/** Each measurement counts this much less than the next: the last 50 or so decide. */
const FORGET = 0.98;

/**
 * So many times as long as expected counts a call at most: garbage that is collected meanwhile, or another process, takes a
 * hundred times what a quick call does.
 */
const MOST_TIMES = 4;
/** Of calls expected to be shorter, that is counted from here. */
const SHORTEST_MS = 0.01;

/** A call this short is worth making even where a larger batch gains little. */
const SHORT_MS = 10;

/** Beyond the size where the fixed part is this small a share, a larger batch only makes its requests wait. */
const WORTHWHILE_SHARE = 0.05;

/** After at least so many calls of a single row each, two are tried together again; twice as many each time that they cost more. */
const LEAST_SINGLES = 1000;
const MOST_SINGLES = 16_000;

/** A larger batch that costs this share of a row more than its rows alone is none that anybody wants. */
const TOO_DEAR = 0.25;

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
  /** Calls of a single row each, since rows were found to cost more together. */
  #singles = 0;
  /** Is doubled by the call that shows it. */
  #singlesNeeded = LEAST_SINGLES / 2;

  add(rows: number, measuredMs: number): void {
    const expectedMs = this.expectMs(rows) ?? Number.POSITIVE_INFINITY;
    const ms = Math.min(measuredMs, MOST_TIMES * Math.max(expectedMs, SHORTEST_MS));
    this.#weight = this.#weight * FORGET + 1;
    this.#rows = this.#rows * FORGET + rows;
    this.#rowsSquared = this.#rowsSquared * FORGET + rows * rows;
    this.#ms = this.#ms * FORGET + ms;
    this.#rowsMs = this.#rowsMs * FORGET + rows * ms;
    const spread = this.#weight * this.#rowsSquared - this.#rows * this.#rows;
    if (spread > 1e-6 * this.#rowsSquared * this.#weight) this.#estimate = this.#fit(spread);
    if (!this.#estimate?.isDearer) return;
    if (rows === 1) this.#singles++;
    else {
      this.#singles = 0;
      this.#singlesNeeded = Math.min(2 * this.#singlesNeeded, MOST_SINGLES);
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
    return { fixedMs: 0, perRowMs: this.#rowsMs / this.#rowsSquared, isDearer: fixed < -TOO_DEAR * slope };
  }

  /** Milliseconds that a call of so many rows takes; null if nothing is known yet. */
  expectMs(rows: number): number | null {
    const { estimate } = this;
    if (estimate !== null) return estimate.fixedMs + estimate.perRowMs * rows;
    return this.#rows > 0 ? (this.#ms / this.#rows) * rows : null;
  }

  /** The most rows that are worth joining, at least 1. */
  usefulRows(): number {
    const { estimate } = this;
    if (estimate === null) return Number.POSITIVE_INFINITY;
    const { fixedMs, perRowMs, isDearer } = estimate;
    // A stall of the machine may have made them so.
    if (isDearer) return this.#singles < this.#singlesNeeded ? 1 : 2;
    const gain = (fixedMs * (1 / WORTHWHILE_SHARE - 1)) / perRowMs;
    const short = (SHORT_MS - fixedMs) / perRowMs;
    return Math.max(1, Math.floor(Math.max(gain, short)));
  }
}
