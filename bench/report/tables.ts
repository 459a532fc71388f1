import { type Line, roundsOfBoth } from '../results/lines.js';
import type { BenchResult, Measured } from '../results/result.js';
import { figureOf } from '../results/spread.js';
import { SCENARIOS, type Scenario } from '../scenarios/scenario.js';
import { absenceOf } from './absent.js';
import { figure, markdownTable, percent, times } from './text.js';

/** What the column of calls means for percentiles; the README says it too. */
export const FEW_CALLS =
  'The last column has how many rounds both were in, and how many calls Infernode made in each. The percentile of a round is of its own calls: the p90 of fewer than ten, and the p99 of fewer than a hundred, is the slowest one. Of Server these are the queries of all trials, of which a round has some five to ten. All contestants had the same time, but for Server.';

/** The lines of a run as a table; the README has it too. */
export function linesTable(lines: readonly Line[]): string {
  const rows = lines.map(({ scenario, model, precision, ours, peer, ratio, share }) => [
    scenario,
    model,
    precision,
    `${ours.contestant}: ${figure(figureOf(ours.rounds))} ${SCENARIOS[scenario].unit}`,
    peer === null ? 'none' : `${peer.contestant}: ${figure(figureOf(peer.rounds))} ${SCENARIOS[scenario].unit}`,
    ratio === null ? '' : times(ratio),
    share === null ? '' : percent(share),
    roundsAndCalls(ours, peer),
  ]);
  const head = ['Scenario', 'Model', 'Precision', 'Infernode', 'Best peer', 'Ratio', 'Of the limit', 'Rounds x calls'];
  return markdownTable(head, rows);
}

function roundsAndCalls(ours: Measured, peer: Measured | null): string {
  const calls = ours.calls / ours.rounds.filter((value) => value !== null).length;
  return `${roundsOfBoth(ours, peer ?? ours).length} x ${calls < 10 ? calls.toFixed(1) : calls.toFixed(0)}`;
}

/** A scenario, and samples in a call or clients; null where there is no such choice, or for the best of them. */
export type Column = readonly [Scenario, number | null];

export function columnsAt(measured: readonly Measured[], scenario: Scenario): Column[] {
  const sizes = measured.filter((each) => each.scenario === scenario).map(({ at }) => at!);
  return [...new Set(sizes)].sort((a, b) => a - b).map((at) => [scenario, at] as const);
}

/** A row for each contestant, a column for each figure. */
export function figuresTable(
  measured: readonly Measured[],
  columns: readonly Column[],
  head: readonly string[],
): string {
  const of = ([scenario, at]: Column, name: string) => {
    const found = measured.filter(
      (each) => each.scenario === scenario && each.contestant === name && (at === null || each.at === at),
    );
    const figures = found.map(({ rounds }) => figureOf(rounds)).sort((a, b) => b.median - a.median);
    const best = SCENARIOS[scenario].better === 'higher' ? figures[0] : figures.at(-1);
    return best === undefined ? '' : figure(best);
  };
  const names = [...new Set(measured.map(({ contestant }) => contestant))];
  const rows = names.map((name) => [name, ...columns.map((column) => of(column, name))]);
  return markdownTable(
    ['', ...head],
    rows.filter((row) => row.slice(1).some((cell) => cell !== '')),
  );
}

export function overheadTable({ measurements }: BenchResult): string {
  const measured = measurements.filter(({ scenario }) => scenario === 'Overhead');
  return figuresTable(
    measured,
    [
      ['Overhead', 1],
      ['Overhead', 100],
    ],
    ['one at a time, us', '100 in flight, us'],
  );
}

export function limitsTable({ limits }: BenchResult): string {
  const rows = limits.map(({ operation, backend, precision, gops, reason }) => [
    operation,
    precision,
    backend,
    gops === null ? `absent: ${reason}` : figure({ median: gops.median, low: gops.min, high: gops.max }),
  ]);
  return markdownTable(['', 'Precision', 'Backend', 'Billions of operations a second'], rows);
}

/** The settings that most models have, and after them those of single ones. */
function settingsText(all: BenchResult['contestants']): string {
  const models = new Map<string, string[]>();
  for (const { settings, model, absent } of all) {
    if (absent === null) models.set(settings, [...(models.get(settings) ?? []), model]);
  }
  const [most, ...others] = [...models].sort(([, a], [, b]) => b.length - a.length);
  if (most === undefined) return '';
  return [most[0], ...others.map(([settings, names]) => `${names.join(', ')}: ${settings}`)].join('; ');
}

export function contestantsTable({ contestants }: BenchResult): string {
  const names = [...new Set(contestants.map(({ name }) => name))];
  const rows = names.map((name) => {
    const all = contestants.filter((each) => each.name === name);
    const present = all.find(({ absent }) => absent === null);
    const versions = Object.entries(present?.versions ?? {}).map(([what, version]) => `${what} ${version}`);
    const cosines = all.flatMap(({ agreement }) => (agreement === null ? [] : [agreement.cosine]));
    const nearest = cosines.length === 0 ? '' : Math.min(...cosines).toFixed(5);
    return [name, versions.join(', '), settingsText(all), nearest, absenceOf(all)];
  });
  return markdownTable(['', 'Versions', 'Settings', 'Least cosine to the first in FP32', 'Absent'], rows);
}
