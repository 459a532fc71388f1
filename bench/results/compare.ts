import { type Line, linesOf, ranked, ratioOf } from './lines.js';
import type { BenchResult } from './result.js';
import type { Figure } from './spread.js';

/** What became of a line of an earlier result. */
export interface Compared {
  readonly line: Line;
  /** The peer of now: that of then, or the best one where that fell behind in the first rounds; null where it took no part. */
  readonly peer: string | null;
  /** The ratio to the peer then, and to that of now; null where one of the two was not measured. */
  readonly before: Figure | null;
  readonly after: Figure | null;
  /** `slower` and `faster` where each of the two is out of the other's spread. */
  readonly verdict: 'slower' | 'faster' | 'same' | 'unknown';
}

/**
 * Compares two results, of one machine or of two, by the ratios of Infernode to its best peer then: machines differ, ratios
 * differ less. A peer that is no match for the best one of now has few rounds, by which nothing is compared.
 */
export function compareResults(before: BenchResult, after: BenchResult): Compared[] {
  const lines = linesOf(after);
  return linesOf(before).map((line) => {
    const { peer, ratio } = line;
    const same = lines.find((each) => isOf(line, each));
    const all = after.measurements.filter((each) => isOf(line, each));
    const opponent = all.find(({ contestant, at }) => contestant === peer?.contestant && at === peer.at);
    if (same === undefined || opponent === undefined)
      return { line, peer: null, before: ratio, after: null, verdict: 'unknown' };
    const now = ranked(all).includes(opponent) || same.peer === null ? opponent : same.peer;
    const current = ratioOf(same.ours, now);
    const verdict = ratio === null || current === null ? 'unknown' : verdictOf(ratio, current);
    return { line, peer: now.contestant, before: ratio, after: current, verdict };
  });
}

type Subject = Pick<Line, 'scenario' | 'model' | 'precision'>;

function isOf(line: Subject, each: Subject): boolean {
  return each.scenario === line.scenario && each.model === line.model && each.precision === line.precision;
}

function verdictOf(before: Figure, after: Figure): Compared['verdict'] {
  if (after.median < before.low && before.median > after.high) return 'slower';
  if (after.median > before.high && before.median < after.low) return 'faster';
  return 'same';
}
