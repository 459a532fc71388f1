import { type Line, linesOf, ratioOf } from './lines.js';
import type { BenchResult } from './result.js';
import type { Figure } from './spread.js';

/** What became of a line of an earlier result. */
export interface Compared {
  readonly line: Line;
  /** The ratio then, and the one now to the same peer; null where one of the two was not measured. */
  readonly before: Figure | null;
  readonly after: Figure | null;
  /** `slower` and `faster` where each of the two is out of the other's spread. */
  readonly verdict: 'slower' | 'faster' | 'same' | 'unknown';
}

/**
 * Compares two results, of one machine or of two, by the ratios of Infernode to its best peer then: machines differ, ratios
 * differ less.
 */
export function compareResults(before: BenchResult, after: BenchResult): Compared[] {
  const lines = linesOf(after);
  return linesOf(before).map((line) => {
    const { scenario, model, precision, peer, ratio } = line;
    const same = lines.find(
      (each) => each.scenario === scenario && each.model === model && each.precision === precision,
    );
    const opponent = after.measurements.find(
      (each) =>
        each.scenario === scenario &&
        each.model === model &&
        each.contestant === peer?.contestant &&
        each.at === peer.at,
    );
    const current = same === undefined || opponent === undefined ? null : ratioOf(same.ours, opponent);
    if (ratio === null || current === null) return { line, before: ratio, after: null, verdict: 'unknown' };
    return { line, before: ratio, after: current, verdict: verdictOf(ratio, current) };
  });
}

function verdictOf(before: Figure, after: Figure): Compared['verdict'] {
  if (after.median < before.low && before.median > after.high) return 'slower';
  if (after.median > before.high && before.median < after.low) return 'faster';
  return 'same';
}
