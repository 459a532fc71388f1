import { median } from '#src/benchmark/figures';

/** A figure of several rounds: the median, and the range of the rounds without the least and the greatest of five or more. */
export interface Figure {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

const ROUNDS_TO_TRIM = 5;

/** @param rounds at least one */
export function figureOf(rounds: readonly number[]): Figure {
  const sorted = [...rounds].sort((a, b) => a - b);
  const kept = sorted.length < ROUNDS_TO_TRIM ? sorted : sorted.slice(1, -1);
  return { median: median(sorted), low: kept[0]!, high: kept.at(-1)! };
}

/** How far the range goes from the median, as a share of it. */
export function spreadOf({ median, low, high }: Figure): number {
  return Math.max(high - median, median - low) / median;
}
