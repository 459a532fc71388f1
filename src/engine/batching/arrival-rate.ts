/** Weight of the newest gap between two arrivals. */
const NEWEST = 0.1;

/** How fast requests come, from the gaps between the last ones. */
export class ArrivalRate {
  #last = Number.NEGATIVE_INFINITY;
  #gapMs = Number.POSITIVE_INFINITY;

  /** @param now milliseconds, of a clock that only goes forward */
  arrived(now: number): void {
    const gap = now - this.#last;
    this.#last = now;
    if (!Number.isFinite(gap)) return;
    this.#gapMs = Number.isFinite(this.#gapMs) ? this.#gapMs + (gap - this.#gapMs) * NEWEST : gap;
  }

  /** Milliseconds from one arrival to the next, Infinity until there were two. A silence counts as it grows. */
  gapMs(now: number): number {
    return Math.max(this.#gapMs, now - this.#last);
  }
}
