import { linesOf } from '../results/lines.js';
import type { BenchResult } from '../results/result.js';
import { figureOf } from '../results/spread.js';
import { SCENARIOS } from '../scenarios/scenario.js';
import { absenceOf } from './absent.js';
import { figure, percent, times } from './text.js';

/** The lines of a run for a terminal. */
export function summaryText(result: BenchResult): string {
  const rows = linesOf(result).map(({ scenario, model, precision, ours, peer, ratio, share }) => [
    scenario,
    model,
    precision,
    `${ours.contestant} ${figure(figureOf(ours.rounds))} ${SCENARIOS[scenario].unit}`,
    peer === null ? 'no peer' : `${peer.contestant} ${figure(figureOf(peer.rounds))}`,
    ratio === null ? '' : times(ratio),
    share === null ? '' : percent(share),
  ]);
  const all = [['scenario', 'model', 'precision', 'Infernode', 'best peer', 'ratio', 'of limit'], ...rows];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const table = all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  const absent = [...new Set(result.contestants.map(({ name }) => name))].flatMap((name) => {
    const why = absenceOf(result.contestants.filter((each) => each.name === name));
    return why === '' ? [] : [`absent: ${name}: ${why}`];
  });
  const isPart = absent.length > 0 && result.plan.mode === 'quick';
  const note = isPart ? ['The best peer is the best of those measured here; npm run bench:full measures all.'] : [];
  return [...table, ...note, ...absent].join('\n');
}
