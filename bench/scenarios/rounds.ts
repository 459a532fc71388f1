import type { ContestantResult, Measured } from '../results/result.js';
import type { Scenario } from './scenario.js';

/** Rounds of a run, by their numbers. */
export interface Rounds {
  readonly first: number;
  readonly count: number;
  /** After so many of them, none is begun that would end later than `untilMs` on the clock of this process. */
  readonly least?: number;
  readonly untilMs?: number;
}

/** Whoever is measured. */
export interface Measurable {
  readonly result: Pick<ContestantResult, 'name' | 'model' | 'precision'>;
}

/** One thing to measure of every contestant in every round. */
export interface Step<T extends Measurable> {
  readonly applies?: (contestant: T) => boolean;
  /** Begins it for one contestant and one round. */
  readonly begin: (contestant: T) => Turns;
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

/** Measurements of the same in earlier and in later rounds as one. */
export function joinRounds(earlier: readonly Measured[], later: readonly Measured[]): Measured[] {
  const key = ({ scenario, model, contestant, at }: Measured) => JSON.stringify([scenario, model, contestant, at]);
  const joined = new Map(earlier.map((each) => [key(each), each]));
  for (const each of later) {
    const { rounds, calls } = joined.get(key(each)) ?? { rounds: [], calls: 0 };
    joined.set(key(each), { ...each, rounds: [...rounds, ...each.rounds], calls: calls + each.calls });
  }
  return [...joined.values()];
}

/**
 * Measures in interleaved rounds: at every step all contestants take turns, as short as they want them, so that whatever else the
 * machine does hits all alike. Each round begins with another contestant, for the first place may be a good or a bad one.
 */
export async function measureRounds<T extends Measurable>(
  contestants: readonly T[],
  steps: readonly Step<T>[],
  { first: begin, count, least = count, untilMs = Number.POSITIVE_INFINITY }: Rounds,
  eachRound: (round: number) => Promise<void>,
): Promise<Measured[]> {
  let found: Measured[] = [];
  let longestMs = 0;
  for (let round = begin; round < begin + count; round++) {
    const startMs = performance.now();
    if (round >= begin + least && startMs + longestMs > untilMs) break;
    await eachRound(round);
    const first = round % contestants.length;
    const inOrder = [...contestants.slice(first), ...contestants.slice(0, first)];
    for (const { applies = () => true, begin: beginStep } of steps) {
      const begun = inOrder.filter(applies).map((contestant) => ({ contestant, turns: beginStep(contestant) }));
      await inTurns(begun.map(({ turns }) => turns));
      found = joinRounds(
        found,
        begun.flatMap(({ contestant, turns }) => turns.figures().map((figure) => measuredOf(contestant, figure))),
      );
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

function measuredOf({ result }: Measurable, { scenario, at, value, calls }: Figure): Measured {
  const { name, model, precision } = result;
  return { scenario, model, contestant: name, precision, at, rounds: [value], calls };
}
