/** Each measurement counts this much less than the next: the last 50 or so decide. */
const FORGET = 0.98;

/** A call this short is worth making even where a larger batch gains little. */
const SHORT_MS = 10;

/** Beyond the size where the fixed part is this small a share, a larger batch only makes its requests wait. */
const WORTHWHILE_SHARE = 0.05;

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

  add(rows: number, ms: number): void {
    this.#weight = this.#weight * FORGET + 1;
    this.#rows = this.#rows * FORGET + rows;
    this.#rowsSquared = this.#rowsSquared * FORGET + rows * rows;
    this.#ms = this.#ms * FORGET + ms;
    this.#rowsMs = this.#rowsMs * FORGET + rows * ms;
    const spread = this.#weight * this.#rowsSquared - this.#rows * this.#rows;
    if (spread > 1e-6 * this.#rowsSquared * this.#weight) this.#estimate = this.#fit(spread);
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
    if (isDearer) return 1;
    const gain = (fixedMs * (1 / WORTHWHILE_SHARE - 1)) / perRowMs;
    const short = (SHORT_MS - fixedMs) / perRowMs;
    return Math.max(1, Math.floor(Math.max(gain, short)));
  }
}
