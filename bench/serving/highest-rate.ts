/** Below this share of where it began, nothing is looked for. */
const LEAST_SHARE = 1 / 64;
/** Rates of one server differ by less from one search to the next. */
const NEAR = 1.3;
/** They vary by more than the seven percent that this leaves: the time is better spent on another round. */
const HALVINGS_NEAR = 2;

/** Yields the rate to try next, is given whether it held, and returns the highest one that was seen to hold, 0 if none did. */
export type Search = Generator<number, number, boolean>;

/**
 * Finds the highest rate that holds, by bisection on a logarithmic scale. A rate that does not hold is tried once more: one stall of
 * the machine would else halve what is found.
 *
 * @param capacity the throughput with many clients, about which the rate is looked for
 * @param halvings of the interval, from half to one and a quarter of the capacity
 * @throws an error for a capacity of 0
 */
export function highestRate(capacity: number, halvings: number): Search {
  if (!(capacity > 0)) throw new Error('no query was answered in the time of a trial; it is too short for this model');
  return bisect(capacity / 2, capacity * 1.25, 2, halvings);
}

/** The same about a rate that an earlier search found, which takes fewer trials: in steps of 1.3, down and up to what holds. */
export function* rateNear(found: number): Search {
  const highest = NEAR ** (1 - 2 ** -HALVINGS_NEAR) * 0.999;
  for (let from = found; ; ) {
    const rate = yield* bisect(from, from * NEAR, NEAR, HALVINGS_NEAR);
    // All that was tried held: it may be higher still.
    if (rate < from * highest) return rate;
    from = rate;
  }
}

/** From an interval whose upper end is taken not to hold, and whose lower end is lowered by `factor` until it does. */
function* bisect(low: number, high: number, factor: number, halvings: number): Search {
  const least = high * LEAST_SHARE;
  while (!(yield* holds(low))) {
    high = low;
    low /= factor;
    if (low < least) return 0;
  }
  for (let step = 0; step < halvings; step++) {
    const middle = Math.sqrt(low * high);
    if (yield* holds(middle)) low = middle;
    else high = middle;
  }
  return low;
}

function* holds(rate: number): Generator<number, boolean, boolean> {
  return (yield rate) || (yield rate);
}
