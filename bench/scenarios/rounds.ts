import type { ContestantResult, Measured } from '../results/result.js';
import type { Scenario } from './scenario.js';

/** How many rounds. */
export interface Span {
  readonly least: number;
  readonly most: number;
  /** After the least, none is begun that would end later than so many milliseconds from the first. */
  readonly forMs: number;
}

/** Whoever is measured. */
export interface Measurable {
  readonly result: Pick<ContestantResult, 'name' | 'model' | 'precision'>;
}

/** One thing to measure of every contestant in every round. */
export interface Step<T extends Measurable> {
  readonly applies?: (contestant: T) => boolean;
  /** The scenarios of MLPerf Inference that it measures of a contestant. */
  readonly decides: (contestant: T) => readonly Scenario[];
  /** Begins it for one contestant and one round. */
  readonly begin: (contestant: T, round: number) => Turns;
}

/** The turns of one contestant at one step of one round. */
export interface Turns {
  /** Measures for a while; resolves to whether it wants another turn. */
  take(): Promise<boolean>;
  /** What was found in all turns. */
  figures(): readonly Figure[];
}

/** For what is measured in one turn. */
export function inOneTurn(measure: () => Promise<readonly Figure[]>): Turns {
  let found: readonly Figure[] = [];
  return {
    async take() {
      found = await measure();
      return false;
    },
    figures: () => found,
  };
}

export interface Figure {
  readonly scenario: Scenario;
  readonly at: number | null;
  readonly value: number;
  readonly calls: number;
}

/** The same for all measurements of the same. */
export function keyOf({ scenario, model, contestant, at }: Measured): string {
  return JSON.stringify([scenario, model, contestant, at]);
}

/** Measurements of the same in earlier and in later rounds as one. */
export function joinRounds(earlier: readonly Measured[], later: readonly Measured[]): Measured[] {
  const joined = new Map(earlier.map((each) => [keyOf(each), each]));
  for (const each of later) {
    const { rounds, calls } = joined.get(keyOf(each)) ?? { rounds: [], calls: 0 };
    const length = Math.max(rounds.length, each.rounds.length);
    const both = Array.from({ length }, (_, round) => each.rounds[round] ?? rounds[round] ?? null);
    joined.set(keyOf(each), { ...each, rounds: both, calls: calls + each.calls });
  }
  return [...joined.values()];
}

/** Who takes part in what in a round; null ends the rounds. */
export type Choice<T extends Measurable> = ((step: Step<T>, contestant: T) => boolean) | null;

/** Rounds of one sitting. */
export interface Rounds<T extends Measurable> extends Span {
  /** The number of the first: so many there were before. */
  readonly first: number;
  readonly eachRound: (round: number) => Promise<void>;
  /** Asked before each round, given how many there were of these and what was found in them. All take part in all without it. */
  readonly choose?: (rounds: number, found: readonly Measured[]) => Choice<T>;
}

/**
 * Measures in interleaved rounds: at every step all contestants take turns, as short as they want them, so that whatever else the
 * machine does hits all alike. Each round begins with another contestant, for the first place may be a good or a bad one.
 */
export async function measureRounds<T extends Measurable>(
  contestants: readonly T[],
  steps: readonly Step<T>[],
  { first, least, most, forMs, eachRound, choose = () => () => true }: Rounds<T>,
): Promise<Measured[]> {
  const untilMs = performance.now() + forMs;
  let found: Measured[] = [];
  let longestMs = 0;
  for (let rounds = 0; rounds < most; rounds++) {
    const startMs = performance.now();
    if (rounds >= least && startMs + longestMs > untilMs) break;
    const takesPart = choose(rounds, found);
    if (takesPart === null) break;
    const round = first + rounds;
    await eachRound(round);
    const begin = round % contestants.length;
    const inOrder = [...contestants.slice(begin), ...contestants.slice(0, begin)];
    for (const step of steps) {
      const there = inOrder.filter((each) => (step.applies?.(each) ?? true) && takesPart(step, each));
      const begun = there.map((contestant) => ({ contestant, turns: step.begin(contestant, round) }));
      await inTurns(begun.map(({ turns }) => turns));
      const measured = begun.flatMap(({ contestant, turns }) =>
        turns.figures().map((figure) => measuredOf(contestant, figure, round)),
      );
      found = joinRounds(found, measured);
    }
    longestMs = Math.max(longestMs, performance.now() - startMs);
  }
  return found;
}

async function inTurns(all: readonly Turns[]): Promise<void> {
  for (let left = all; left.length > 0; ) {
    const goOn: Turns[] = [];
    for (const turns of left) if (await turns.take()) goOn.push(turns);
    left = goOn;
  }
}

function measuredOf({ result }: Measurable, { scenario, at, value, calls }: Figure, round: number): Measured {
  const { name, model, precision } = result;
  return {
    scenario,
    model,
    contestant: name,
    precision,
    at,
    rounds: [...new Array<null>(round).fill(null), value],
    calls,
  };
}
