import { median } from '#src/benchmark/figures';

/** A figure of several rounds: the median, and the range of the rounds without the least and the greatest of ten or more. */
export interface Figure {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const ROUNDS_TO_TRIM = 10;

/** Runs of one day differ by this much where all rounds of a run are nearly alike. */
const LEAST_SPREAD = 0.05;

/** @param rounds at least one */
export function figureOf(rounds: readonly number[]): Figure {
  const sorted = [...rounds].sort((a, b) => a - b);
  const kept = sorted.length < ROUNDS_TO_TRIM ? sorted : sorted.slice(1, -1);
  return { median: median(sorted), low: kept[0]!, high: kept.at(-1)! };
}

/**
 * A figure that is comparable from run to run, and the range in which another run will have its median: that of the rounds, but no
 * narrower than what runs differ by. Of twelve rounds without order, the second to the eleventh hold the median of twelve others
 * 24 times in 25.
 */
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
