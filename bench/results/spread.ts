import { median } from '#src/benchmark/figures';

/** A figure of several rounds: the median, and a range about it. */
export interface Figure {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Runs differ by this much where all rounds of a run are nearly alike: in six runs on one kind of machine, ratios of calls of
 * milliseconds came out up to 9 % apart, those of microseconds, and those of servers, up to 16 %.
 */
export const LEAST_SPREAD = { quick: 0.175, slow: 0.125, served: 0.175 } as const;

/** Standard deviations on each side of where the median of other rounds lies among these. */
const DEVIATIONS = 2;

/**
 * The median, and the range that holds the median of as many other rounds 95 times in 100 where rounds are independent.
 * How many of n rounds lie below the median of n others has a mean of n / 2 and a standard deviation near sqrt(n / 2) (it follows
 * the negative hypergeometric distribution); rounds further out than two of those are left out. Below twelve rounds that is none;
 * all of eleven hold it 98 times in 100, of eight 96, of five 83, of four 77 times.
 *
 * @param rounds at least one that is not null
 */
export function figureOf(rounds: readonly (number | null)[]): Figure {
  const sorted = rounds.filter((each) => each !== null).sort((a, b) => a - b);
  const { length } = sorted;
  const dropped = Math.max(0, Math.floor(length / 2 - DEVIATIONS * Math.sqrt(length / 2)));
  return { median: median(sorted), low: sorted[dropped]!, high: sorted.at(-1 - dropped)! };
}

/** The same, but with a range no narrower than what runs differ by, to each side: where another run will find its median. */
export function repeatable(rounds: readonly (number | null)[], least: number): Figure {
  const { median, low, high } = figureOf(rounds);
  return { median, low: Math.min(low, median * (1 - least)), high: Math.max(high, median * (1 + least)) };
}

/** How far the range goes from the median, as a share of it. */
export function spreadOf({ median, low, high }: Figure): number {
  return Math.max(high - median, median - low) / median;
}
