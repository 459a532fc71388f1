import { COMPARED, ranked, ratioOf } from '../results/lines.js';
import { paceOf } from '../results/pace.js';
import type { Measured } from '../results/result.js';
import { figureOf, LEAST_SPREAD, spreadOf } from '../results/spread.js';
import { joinRounds, keyOf, type Measurable, measureRounds, type Rounds, type Span, type Step } from './rounds.js';
import { SCENARIOS, type Scenario } from './scenario.js';

/** Whoever is that near to the best may turn out to be it, the more so where processes of one program differ. */
const NEAR = { quick: 0.25, slow: 0.1, served: 0.25 } as const;
/** The same as long as only heats tell, in which contestants were not next to each other. */
const NEAR_APART = 0.5;
/** Of each side. */
const MOST_FINALISTS = { quick: 3, slow: 2, served: 2 } as const;

/** A ratio is known once its spread is hardly more than what runs differ by anyway. */
const HARDLY_MORE = 0.025;

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
 * @param near as a share of the best; by how quick the calls are without it
 */
export function finalsOf(measured: readonly Measured[], own: ReadonlySet<string>, near?: number): Final[] {
  return COMPARED.flatMap((scenario) =>
    (['fp32', 'reduced'] as const).flatMap((precision) => {
      const all = measured.filter((each) => each.scenario === scenario && each.precision === precision);
      const side = (isOurs: boolean) => all.filter(({ contestant }) => own.has(contestant) === isOurs);
      const [ours, peers] = [nearBest(side(true), near), nearBest(side(false), near)];
      if (ours.length === 0 || peers.length === 0) return [];
      const ratio = ratioOf(ours[0]!, peers[0]!);
      const names = new Set([...ours, ...peers].map(({ contestant }) => contestant));
      const isDecided = ratio !== null && spreadOf(ratio) <= LEAST_SPREAD[paceOf(ours[0]!)] + HARDLY_MORE;
      return [{ scenario, names, isDecided }];
    }),
  );
}

function nearBest(measured: readonly Measured[], asked: number | undefined): Measured[] {
  const sorted = ranked(measured);
  if (sorted.length === 0) return [];
  const pace = paceOf(sorted[0]!);
  const near = asked ?? NEAR[pace];
  const [best] = sorted.map(({ rounds }) => figureOf(rounds).median);
  const isNear = ({ scenario, rounds }: Measured) => {
    const { median } = figureOf(rounds);
    return SCENARIOS[scenario].better === 'higher' ? median >= best! * (1 - near) : median <= best! * (1 + near);
  };
  return sorted.filter(isNear).slice(0, MOST_FINALISTS[pace]);
}

/** Rounds of all contestants, then of whoever is compared. */
export interface HeatsAndFinals<T extends Measurable> {
  readonly heats: Span;
  readonly finals: Span;
  /** The names of our contestants. */
  readonly own: ReadonlySet<string>;
  /** What was found of this model in earlier sittings; heats are for the first one. */
  readonly earlier: readonly Measured[];
  readonly eachRound: Rounds<T>['eachRound'];
  /**
   * Whether contestants were next to each other in the heats too; if not, these only say who takes part in the finals. What is
   * earlier counts in any case.
   */
  readonly heatsCount: boolean;
}

/**
 * Measures heats, if there were none, then rounds in which only finalists take part, and after the least number of them only those
 * whose ratio is not known yet. So the time goes to what is compared, and to what varies.
 *
 * @returns what was found beside `earlier`
 */
export async function measureHeatsAndFinals<T extends Measurable>(
  contestants: readonly T[],
  steps: readonly Step<T>[],
  { heats, finals, own, earlier, eachRound, heatsCount }: HeatsAndFinals<T>,
): Promise<Measured[]> {
  const inHeats =
    earlier.length === 0 ? await measureRounds(contestants, steps, { ...heats, first: 0, eachRound }) : [];
  const before = joinRounds(earlier, inHeats);
  const allCount = heatsCount || earlier.length > 0;
  const inFinals = await measureRounds(contestants, steps, {
    ...finals,
    first: Math.max(0, ...before.map(({ rounds }) => rounds.length)),
    eachRound,
    choose(rounds, found) {
      const known = allCount ? joinRounds(before, found) : rounds === 0 ? before : found;
      const near = allCount || rounds >= finals.least ? undefined : NEAR_APART;
      const all = finalsOf(known, own, near);
      const open = all.filter(({ isDecided }) => rounds < finals.least || !isDecided);
      if (open.length === 0) return null;
      return (step, contestant) => {
        const decides = step.decides(contestant);
        return open.some(({ scenario, names }) => decides.includes(scenario) && names.has(contestant.result.name));
      };
    },
  });
  return joinFinals(inHeats, inFinals, allCount);
}

/** Of what was measured in finals, the rounds before are left out where they do not count. */
function joinFinals(before: readonly Measured[], finals: readonly Measured[], allCount: boolean): Measured[] {
  if (allCount) return joinRounds(before, finals);
  const inFinals = new Set(finals.map(keyOf));
  return [...before.filter((each) => !inFinals.has(keyOf(each))), ...finals];
}
