import type { ContestantResult, Measured } from '../results/result.js';
import type { Scenario } from './scenario.js';

/** Rounds of a run, by their numbers. */
export interface Rounds {
  readonly first: number;
  readonly count: number;
}

/** Whoever is measured. */
export interface Measurable {
  readonly result: Pick<ContestantResult, 'name' | 'model' | 'precision'>;
}

/** One thing to measure of every contestant in every round. */
export interface Step<T extends Measurable> {
  readonly applies?: (contestant: T) => boolean;
  /** The figures of one round. */
  readonly measure: (contestant: T) => Promise<readonly Figure[]>;
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
 * Measures in interleaved rounds: every step of all contestants one after another, so that whatever else the machine does hits
 * all alike. Each round begins with another contestant, for the first place may be a good or a bad one.
 */
export async function measureRounds<T extends Measurable>(
  contestants: readonly T[],
  steps: readonly Step<T>[],
  rounds: Rounds,
  eachRound: (round: number) => Promise<void>,
): Promise<Measured[]> {
  const found = new Map<string, { measured: Omit<Measured, 'rounds' | 'calls'>; rounds: number[]; calls: number }>();
  for (let round = rounds.first; round < rounds.first + rounds.count; round++) {
    await eachRound(round);
    for (const { applies = () => true, measure } of steps) {
      for (let turn = 0; turn < contestants.length; turn++) {
        const contestant = contestants[(turn + round) % contestants.length]!;
        if (!applies(contestant)) continue;
        for (const { scenario, at, value, calls } of await measure(contestant)) {
          const { name, model, precision } = contestant.result;
          const key = JSON.stringify([scenario, at, name]);
          const entry = found.get(key) ?? {
            measured: { scenario, model, contestant: name, precision, at },
            rounds: [],
            calls: 0,
          };
          entry.rounds.push(value);
          found.set(key, { ...entry, calls: entry.calls + calls });
        }
      }
    }
  }
  return Array.from(found.values(), ({ measured, ...figures }) => ({ ...measured, ...figures }));
}
