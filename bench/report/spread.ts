import { median } from '#src/benchmark/figures';

/** A figure of several rounds: the median, and a range about it. */
export interface Figure {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** Runs of one day differ by this much where all rounds of a run are nearly alike. */
const LEAST_SPREAD = 0.05;

/**
 * The median, and the range that holds the median of as many other rounds 97 times in 100 where rounds are independent: all
 * rounds, or of twelve and more without the extremes, one on each side for every four rounds above eight. (How many of the second
 * rounds lie below the k-th of the first follows the negative hypergeometric distribution; with eight rounds it is 97.4 %, with
 * twelve 97.3 %, with 24 98.5 %, with six only 94 %.)
 *
 * @param rounds at least one
 */
export function figureOf(rounds: readonly number[]): Figure {
  const sorted = [...rounds].sort((a, b) => a - b);
  const dropped = Math.max(0, Math.floor(sorted.length / 4) - 2);
  return { median: median(sorted), low: sorted[dropped]!, high: sorted.at(-1 - dropped)! };
}

/** The same, but with a range no narrower than what runs differ by: where another run will find its median. */
export function repeatable(rounds: readonly number[]): Figure {
  const { median, low, high } = figureOf(rounds);
  return {
    median,
    low: Math.min(low, median * (1 - LEAST_SPREAD)),
    high: Math.max(high, median * (1 + LEAST_SPREAD)),
  };
}

/** How far the range goes from the median, as a share of it. */
export function spreadOf({ median, low, high }: Figure): number {
  return Math.max(high - median, median - low) / median;
}
