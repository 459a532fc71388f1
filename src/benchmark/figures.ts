/** A figure of several rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** How long calls took, in milliseconds. */
export interface Latency {
  /** How many calls the percentiles are of. */
  readonly calls: number;
  readonly p50: number;
  /** Null where there were too few calls to tell: fewer than 10, or 100 for `p99`. */
  readonly p90: number | null;
  readonly p99: number | null;
  /** The medians of the rounds. */
  readonly rounds: Spread;
}

/** The smallest of the figures that at least a share of all is not above: the nearest rank. NaN for none. */
export function percentile(figures: readonly number[], share: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle one, or the mean of the two in the middle. NaN for none. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** @param figures one of each round, at least one */
export function spreadOf(figures: readonly number[]): Spread {
  return { median: median(figures), min: Math.min(...figures), max: Math.max(...figures) };
}

/** @param rounds the durations of each round's calls, in milliseconds */
export function latencyOf(rounds: readonly (readonly number[])[]): Latency {
  const all = rounds.flat();
  const tail = (share: number) => (all.length * (1 - share) < 1 - 1e-9 ? null : percentile(all, share));
  return {
    calls: all.length,
    p50: percentile(all, 0.5),
    p90: tail(0.9),
    p99: tail(0.99),
    rounds: spreadOf(rounds.map(median)),
  };
}

/** How many times as large each figure is as the other of the same round. */
export function ratioOf(figures: readonly number[], others: readonly number[]): Spread {
  return spreadOf(figures.map((figure, round) => figure / others[round]!));
}
