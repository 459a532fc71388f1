import { COMPARED, ranked, ratioOf } from '../results/lines.js';
import type { Measured } from '../results/result.js';
import { figureOf, spreadOf } from '../results/spread.js';
import { joinRounds, type Measurable, measureRounds, type Rounds, type Span, type Step } from './rounds.js';
import { SCENARIOS, type Scenario } from './scenario.js';

/** Whoever is that near to the best may turn out to be it. */
const NEAR = 0.1;
const MOST_FINALISTS = 2;

/** A ratio is known once another run would find it so near; runs differ by a tenth anyway. */
const KNOWN = 0.12;

/** Whoever may be a side of a ratio: the best of ours, and the best of the others, at one scenario and in one class of precision. */
export interface Final {
  readonly scenario: Scenario;
  readonly names: ReadonlySet<string>;
  /** Whether the ratio is known well enough. */
  readonly isDecided: boolean;
}

/**
 * @param measured of one model
 * @param own the names of our contestants
 */
export function finalsOf(measured: readonly Measured[], own: ReadonlySet<string>): Final[] {
  return COMPARED.flatMap((scenario) =>
    (['fp32', 'reduced'] as const).flatMap((precision) => {
      const all = measured.filter((each) => each.scenario === scenario && each.precision === precision);
      const ours = nearBest(all.filter(({ contestant }) => own.has(contestant)));
      const peers = nearBest(all.filter(({ contestant }) => !own.has(contestant)));
      if (ours.length === 0 || peers.length === 0) return [];
      const ratio = ratioOf(ours[0]!, peers[0]!);
      const names = new Set([...ours, ...peers].map(({ contestant }) => contestant));
      return [{ scenario, names, isDecided: ratio !== null && spreadOf(ratio) <= KNOWN }];
    }),
  );
}

function nearBest(measured: readonly Measured[]): Measured[] {
  const sorted = ranked(measured);
  if (sorted.length === 0) return [];
  const [best] = sorted.map(({ rounds }) => figureOf(rounds).median);
  const isNear = ({ scenario, rounds }: Measured) => {
    const { median } = figureOf(rounds);
    return SCENARIOS[scenario].better === 'higher' ? median >= best! * (1 - NEAR) : median <= best! * (1 + NEAR);
  };
  return sorted.filter(isNear).slice(0, MOST_FINALISTS);
}

/**
 * Rounds in which only finalists take part, and after the least number of them only those whose ratio is not known yet. So the time
 * goes to what is compared, and to what varies.
 *
 * @param earlier what was found of this model before
 */
export function measureFinals<T extends Measurable>(
  contestants: readonly T[],
  steps: readonly Step<T>[],
  span: Span,
  own: ReadonlySet<string>,
  earlier: readonly Measured[],
  eachRound: Rounds<T>['eachRound'],
): Promise<Measured[]> {
  const first = roundsOf(earlier);
  return measureRounds(contestants, steps, {
    ...span,
    first,
    eachRound,
    choose(rounds, found) {
      const finals = finalsOf(joinRounds(earlier, found), own);
      const open = finals.filter(({ isDecided }) => rounds < span.least || !isDecided);
      if (open.length === 0) return null;
      return (step, contestant) =>
        step
          .decides(contestant)
          .some((scenario) =>
            open.some((final) => final.scenario === scenario && final.names.has(contestant.result.name)),
          );
    },
  });
}

/** How many rounds there were. */
export function roundsOf(measured: readonly Measured[]): number {
  return Math.max(0, ...measured.map(({ rounds }) => rounds.length));
}
