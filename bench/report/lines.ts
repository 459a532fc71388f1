import { bestGops } from '#src/benchmark/peaks';
import type { PrecisionClass } from '../contestants/catalogue.js';
import type { BenchResult, Measured } from '../results/result.js';
import { SCENARIOS, type Scenario, STREAMS } from '../scenarios/scenario.js';
import { type Figure, figureOf, repeatable } from './spread.js';

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
  const ours = bestOf(measured.filter(({ contestant }) => own.has(contestant)));
  if (ours === null) return null;
  const peer = bestOf(measured.filter(({ contestant }) => !own.has(contestant)));
  const ratio = peer === null ? null : repeatable(ratiosOf(ours, peer));
  return { scenario, model, precision, ours, peer, ratio, share: shareOf(result, ours) };
}

function bestOf(measured: readonly Measured[]): Measured | null {
  const goodness = ({ scenario, rounds }: Measured) =>
    SCENARIOS[scenario].better === 'higher' ? figureOf(rounds).median : -figureOf(rounds).median;
  return measured.reduce<Measured | null>(
    (best, each) => (best === null || goodness(each) > goodness(best) ? each : best),
    null,
  );
}

/** How many times as good the one is as the other, in each round. */
export function ratiosOf(one: Measured, other: Measured): number[] {
  const isHigherBetter = SCENARIOS[one.scenario].better === 'higher';
  return one.rounds
    .slice(0, other.rounds.length)
    .map((value, round) => (isHigherBetter ? value / other.rounds[round]! : other.rounds[round]! / value));
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
