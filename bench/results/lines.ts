import { bestGops } from '#src/benchmark/peaks';
import type { PrecisionClass } from '../contestants/catalogue.js';
import { SCENARIOS, type Scenario, STREAMS } from '../scenarios/scenario.js';
import { paceOf } from './pace.js';
import type { BenchResult, Measured } from './result.js';
import { type Figure, figureOf, LEAST_SPREAD, repeatable, spreadOf } from './spread.js';

/** Infernode against the best of the others, in one scenario with one model. */
export interface Line {
  readonly scenario: Scenario;
  readonly model: string;
  readonly precision: PrecisionClass;
  readonly ours: Measured;
  /** Null where no other took part. */
  readonly peer: Measured | null;
  /** How many times as good Infernode is, and where another run will find it: above 1 it is better. */
  readonly ratio: Figure | null;
  /** What share ours reaches of the best product or convolution of this machine; null where that is not known. */
  readonly share: number | null;
}

/** A ratio with a spread of more than this to a side says little. */
export const MOST_SPREAD = 0.2;

export function saysLittle({ peer, ratio }: Line): boolean {
  return peer !== null && (ratio === null || spreadOf(ratio) > MOST_SPREAD);
}

/** The scenarios of MLPerf Inference. */
export const COMPARED = ['SingleStream', 'MultiStream', 'Offline', 'Server'] as const satisfies readonly Scenario[];

/** A line for each scenario, model and class of precision that was measured. */
export function linesOf(result: BenchResult): Line[] {
  const lines: Line[] = [];
  for (const { name: model } of result.models) {
    for (const scenario of COMPARED) {
      for (const precision of ['fp32', 'reduced'] as const) {
        const line = lineOf(result, scenario, model, precision);
        if (line !== null) lines.push(line);
      }
    }
  }
  return lines;
}

function lineOf(result: BenchResult, scenario: Scenario, model: string, precision: PrecisionClass): Line | null {
  const measured = result.measurements.filter(
    (each) => each.scenario === scenario && each.model === model && each.precision === precision,
  );
  const own = new Set(result.contestants.filter(({ isOurs }) => isOurs).map(({ name }) => name));
  const [ours] = ranked(measured.filter(({ contestant }) => own.has(contestant)));
  if (ours === undefined) return null;
  const [peer = null] = ranked(measured.filter(({ contestant }) => !own.has(contestant)));
  const ratio = peer === null ? null : ratioOf(ours, peer);
  return { scenario, model, precision, ours, peer, ratio, share: shareOf(result, ours) };
}

/**
 * The best first, of the same scenario. Whoever was measured in less than half as many rounds as another is left out: it fell
 * behind in the first ones, and the median of those alone is good or bad by chance.
 */
export function ranked(measured: readonly Measured[]): Measured[] {
  const rounds = (each: Measured) => each.rounds.filter((value) => value !== null).length;
  const most = Math.max(...measured.map(rounds));
  const sign = measured[0] !== undefined && SCENARIOS[measured[0].scenario].better === 'higher' ? -1 : 1;
  return measured
    .filter((each) => rounds(each) * 2 >= most)
    .sort((a, b) => sign * (figureOf(a.rounds).median - figureOf(b.rounds).median));
}

/** How many times as good the one is as the other, and where another run will find that; null where no round has both. */
export function ratioOf(one: Measured, other: Measured): Figure | null {
  const isHigherBetter = SCENARIOS[one.scenario].better === 'higher';
  const ratios = roundsOfBoth(one, other).map(([value, against]) =>
    isHigherBetter ? value / against : against / value,
  );
  return ratios.length === 0 ? null : repeatable(ratios, LEAST_SPREAD[paceOf(one)]);
}

/** What the one and the other had in each of the rounds that both were in. */
export function roundsOfBoth(one: Measured, other: Measured): [number, number][] {
  return one.rounds.flatMap((value, round) => {
    const against = other.rounds[round] ?? null;
    return value === null || against === null ? [] : [[value, against]];
  });
}

/** The share of what the machine does at most in the precision that this contestant computes in. */
export function shareOf({ models, contestants, limits }: BenchResult, measured: Measured): number | null {
  const gops = models.find(({ name }) => name === measured.model)?.gops ?? null;
  const facts = contestants.find(({ name, model }) => name === measured.contestant && model === measured.model);
  const best = bestGops(limits, facts?.computesIn ?? null);
  if (gops === null || best === null) return null;
  const { median } = figureOf(measured.rounds);
  const samples = { SingleStream: 1000 / median, MultiStream: (1000 * STREAMS) / median } as const;
  const rate = measured.scenario in samples ? samples[measured.scenario as keyof typeof samples] : median;
  return (gops * rate) / best;
}
