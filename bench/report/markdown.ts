import { COMPARED, type Line, linesOf } from '../results/lines.js';
import type { BenchResult, Measured } from '../results/result.js';
import { resultPath } from '../results/result-files.js';
import { figureOf, spreadOf } from '../results/spread.js';
import { SCENARIOS, type Scenario } from '../scenarios/scenario.js';
import { absenceOf } from './absent.js';
import { type Cause, causeOf } from './causes.js';
import type { Chart } from './charts.js';
import { digits, figure, markdownTable, percent, times } from './text.js';

/** Ratios that vary by more than this say little. */
const MOST_SPREAD = 0.2;

/** bench/RESULTS.md: all that a run found, and by hand why. */
export function resultsMarkdown(
  result: BenchResult,
  others: readonly BenchResult[],
  causes: readonly Cause[],
  charts: readonly Chart[],
): string {
  const lines = linesOf(result);
  const parts = [
    '# Results of the benchmarks',
    `Written by \`npm run bench:report\` from \`${resultPath(result.plan.mode, result.machine)}\`; edit \`bench/causes.md\`, not this file. [docs/BENCH.md](../docs/BENCH.md#npm-run-bench) says how it is measured.`,
    machineText(result),
    '## Infernode against the best of the others',
    `Figures are medians of the rounds, with their range in brackets, of many rounds without the extremes ([how many](../docs/BENCH.md#method)). The ratio is how many times as good Infernode is: above 1 it is better. It is the median of the ratios of the rounds, in which both were measured next to each other, and so not that of the two medians beside it, for which a machine was quicker in one minute than in another. In brackets is where another run on such a machine will find it: the range of the rounds, or 10 % to each side where that is narrower. The limit is the best product of matrices or convolution in the best round of the same run, with as many threads, in the same precision. \`fp32\` compares what computes in FP32 with its like, \`reduced\` what computes in BF16 or INT8.`,
    linesTable(lines),
    FEW_CALLS,
    spreadText(lines),
    '## Where Infernode is slower, and why',
    slowerText(lines, causes),
    ...(others.length === 0 ? [] : ['## On other kinds of machines', ...others.flatMap(otherText)]),
    ...charts.map(({ file, title }) => `![${title}](results/${file})`),
    ...result.models.flatMap((model) => [`## ${model.title}`, modelText(result, model)]),
    '## A call that does next to nothing',
    'Microseconds of a call of y = 2x + 1 for four numbers, alone and 100 in flight. `runSync` of the onnx backend always goes to the worker thread, and waits for it.',
    overheadTable(result),
    '## The limits of this machine',
    limitsTable(result),
    '## Who took part, and who did not',
    contestantsTable(result),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

/** What the column of calls means for percentiles; the README says it too. */
export const FEW_CALLS =
  'The percentile of a round is of its own calls, of which the table has how many Infernode made: the p90 of fewer than ten, and the p99 of fewer than a hundred, is the slowest one. All contestants had the same time.';

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
    callsInARound(ours),
  ]);
  const head = ['Scenario', 'Model', 'Precision', 'Infernode', 'Best peer', 'Ratio', 'Of the limit', 'Calls a round'];
  return markdownTable(head, rows);
}

function callsInARound({ calls, rounds }: Measured): string {
  const each = calls / rounds.filter((value) => value !== null).length;
  return each < 10 ? each.toFixed(1) : each.toFixed(0);
}

export function machineText({
  date,
  seconds,
  machine,
  versions,
  plan,
  threads,
  cores,
  coresAwake,
  measurements,
}: BenchResult): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const counts = measurements.map(({ rounds }) => rounds.filter((value) => value !== null).length);
  const rounds = `${Math.min(...counts)} to ${Math.max(...counts)} rounds in ${plan.sittings} sitting${plan.sittings === 1 ? '' : 's'}`;
  const apart =
    cores === null ? '' : ` Servers ran on core ${cores.servers}, the load generator on core ${cores.load}.`;
  const awake = coresAwake ? ' Cores were kept from going idle.' : '';
  return `${date.slice(0, 10)}, \`${plan.mode}\`, ${seconds} s, ${rounds}. ${machine.cpu.model}, ${machine.cores} cores (${machine.cpu.features?.join(' ')}), ${machine.platform} ${machine.arch}. ${named.join(', ')}. ${threads} thread${threads === 1 ? '' : 's'} for each inference.${apart}${awake}`;
}

function otherText(other: BenchResult): string[] {
  const lines = linesOf(other);
  return [
    `${machineText(other)} All of it: \`${resultPath(other.plan.mode, other.machine)}\`.`,
    linesTable(lines),
    spreadText(lines),
  ];
}

function spreadText(lines: readonly Line[]): string {
  const wide = lines.filter(({ ratio }) => ratio !== null && spreadOf(ratio) > MOST_SPREAD);
  if (wide.length === 0) return `No ratio has a spread of more than ${percent(MOST_SPREAD)} to a side.`;
  const names = wide.map(({ scenario, model, precision }) => `${scenario} / ${model} / ${precision}`);
  return `These ratios have a spread of more than ${percent(MOST_SPREAD)} to a side, and say little: ${names.join(', ')}.`;
}

function slowerText(lines: readonly Line[], causes: readonly Cause[]): string {
  // As it is printed: what rounds to 1.00 is as good.
  const slower = lines.filter(({ ratio }) => ratio !== null && Number(ratio.median.toFixed(2)) < 1);
  if (slower.length === 0) return 'Nowhere in this run.';
  // Lines of the same cause stand together.
  const alike = new Map<string, string[]>();
  for (const line of slower) {
    const why = causeOf(causes, line) ?? 'The cause is not known yet.';
    const name = `**${line.scenario} / ${line.model} / ${line.precision}**`;
    alike.set(why, [...(alike.get(why) ?? []), `${name}: ${times(line.ratio!)} of ${line.peer!.contestant}`]);
  }
  return Array.from(alike, ([why, names]) => `- ${names.join('; ')}. ${why}`).join('\n');
}

function modelText(result: BenchResult, { name, gops, boundMs }: BenchResult['models'][number]): string {
  const measured = result.measurements.filter(({ model }) => model === name);
  const candidates: readonly Scenario[] = [...COMPARED.filter((each) => each !== 'Server'), 'Asleep', 'EventLoop'];
  const shown = candidates.filter((each) => measured.some(({ scenario }) => scenario === each));
  const operations = gops === null ? '' : `A sample takes ${digits(gops)} billion operations.`;
  const asleep = shown.includes('Asleep') ? 'Asleep is SingleStream on cores that go idle while they wait.' : '';
  const server = measured.filter(({ scenario }) => scenario === 'Server' || scenario === 'Concurrency');
  const head = shown.map((scenario) => `${scenario}, ${SCENARIOS[scenario].unit}`);
  return [
    `${operations} ${asleep}`.trim(),
    table(
      measured,
      shown.map((scenario) => [scenario, null]),
      head,
    ),
    table(
      measured,
      columnsAt(measured, 'Batch'),
      columnsAt(measured, 'Batch').map(([, at]) => `${at} in a call, samples/s`),
    ),
    server.length === 0
      ? ''
      : `Server: p99 within ${boundMs} ms; 0 where no rate held that was tried. Beside it, the throughput with so many clients at once: one trial of each server, alone and at another time, so that the rate of those that were compared may lie above it.`,
    table(
      server,
      [['Server', null], ...columnsAt(server, 'Concurrency')],
      ['Server, queries/s', ...columnsAt(server, 'Concurrency').map(([, at]) => `${at} client${at === 1 ? '' : 's'}`)],
    ),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

type Column = readonly [Scenario, number | null];

function columnsAt(measured: readonly Measured[], scenario: Scenario): Column[] {
  const sizes = measured.filter((each) => each.scenario === scenario).map(({ at }) => at!);
  return [...new Set(sizes)].sort((a, b) => a - b).map((at) => [scenario, at] as const);
}

/** A row for each contestant, a column for each figure. Where there is a choice of `at` and none is asked for, the best. */
function table(measured: readonly Measured[], columns: readonly Column[], head: readonly string[]): string {
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
  return table(
    measured,
    [
      ['Overhead', 1],
      ['Overhead', 100],
    ],
    ['one at a time, us', '100 in flight, us'],
  );
}

function limitsTable({ limits }: BenchResult): string {
  const rows = limits.map(({ operation, backend, precision, gops, reason }) => [
    operation,
    precision,
    backend,
    gops === null ? `absent: ${reason}` : figure({ median: gops.median, low: gops.min, high: gops.max }),
  ]);
  return markdownTable(['', 'Precision', 'Backend', 'Billions of operations a second'], rows);
}

function contestantsTable({ contestants }: BenchResult): string {
  const names = [...new Set(contestants.map(({ name }) => name))];
  const rows = names.map((name) => {
    const all = contestants.filter((each) => each.name === name);
    const present = all.find(({ absent }) => absent === null);
    const versions = Object.entries(present?.versions ?? {}).map(([what, version]) => `${what} ${version}`);
    const cosines = all.flatMap(({ agreement }) => (agreement === null ? [] : [agreement.cosine]));
    const nearest = cosines.length === 0 ? '' : Math.min(...cosines).toFixed(5);
    return [name, versions.join(', '), present?.settings ?? '', nearest, absenceOf(all)];
  });
  return markdownTable(['', 'Versions', 'Settings', 'Least cosine to the first in FP32', 'Absent'], rows);
}
