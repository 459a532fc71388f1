import { COMPARED, type Line, linesOf, MOST_SPREAD, saysLittle } from '../results/lines.js';
import type { BenchResult } from '../results/result.js';
import { resultPath } from '../results/result-files.js';
import { LEAST_SPREAD } from '../results/spread.js';
import { SCENARIOS, type Scenario } from '../scenarios/scenario.js';
import { type Cause, causeOf } from './causes.js';
import type { Chart } from './charts.js';
import {
  columnsAt,
  contestantsTable,
  FEW_CALLS,
  figuresTable,
  limitsTable,
  linesTable,
  overheadTable,
} from './tables.js';
import { countText, digits, percent, times } from './text.js';

/** Where a report has its figures from, and the folder `docs`, as seen from it. */
export interface ReportPlace {
  readonly source: string;
  readonly docs: string;
}

/** bench/RESULTS.md: all that a run found, and by hand why. */
export function resultsMarkdown(
  result: BenchResult,
  others: readonly BenchResult[],
  causes: readonly Cause[],
  charts: readonly Chart[],
  { source, docs }: ReportPlace,
): string {
  const lines = linesOf(result);
  const parts = [
    '# Results of the benchmarks',
    `Written by \`npm run bench:report\` from \`${source}\`; edit \`bench/causes.md\`, not this file. [docs/BENCH.md](${docs}/BENCH.md#npm-run-bench) says how it is measured.`,
    machineText(result),
    '## Infernode against the best of the others',
    `Figures are medians of the rounds, with their range in brackets, of many rounds without the extremes ([how many](${docs}/BENCH.md#method)). The ratio is how many times as good Infernode is: above 1 it is better. It is the median of the ratios of the rounds, in which both were measured next to each other, and so not the quotient of the two medians beside it: the machine was quicker in some rounds than in others. In brackets is where another run on such a machine will find it: the range of the rounds, or ${100 * LEAST_SPREAD.slow} % to each side where that is narrower, ${100 * LEAST_SPREAD.quick} % where calls take less than a millisecond, ${100 * LEAST_SPREAD.served} % for servers. The limit is the best product of matrices or convolution in the best round of the same run, with as many threads, in the same precision. \`fp32\` compares what computes in FP32 with its like, \`reduced\` what computes in BF16 or INT8.`,
    linesTable(lines),
    FEW_CALLS,
    spreadText(lines),
    missingText(result, lines),
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

export function machineText({
  date,
  seconds,
  machine,
  versions,
  plan,
  threads,
  cores,
  coresAwake,
  models,
  measurements,
}: BenchResult): string {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const counts = measurements.map(({ rounds }) => rounds.filter((value) => value !== null).length);
  const sittings = models.map((model) => model.sittings);
  const ofServers = models.flatMap(({ serverSittings }) => (serverSittings > 0 ? [serverSittings] : []));
  const servers = ofServers.length === 0 ? '' : `, of servers in ${countText(ofServers, 'sitting')}`;
  const rounds = `${countText(counts, 'round')} in ${countText(sittings, 'sitting')}${servers}`;
  const apart =
    cores === null || ofServers.length === 0
      ? ''
      : ` Servers ran on core ${cores.servers}, the load generator on core ${cores.load}.`;
  const asleep = models.flatMap((model) => (model.asleep ? [model.name] : [])).join(' and ');
  const awake = coresAwake ? ` Cores were kept from going idle${asleep && `, but for ${asleep}`}.` : '';
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
  const wide = lines.filter(saysLittle);
  if (wide.length === 0) return `No ratio has a spread of more than ${percent(MOST_SPREAD)} to a side.`;
  const names = wide.map(({ scenario, model, precision }) => `${scenario} / ${model} / ${precision}`);
  return `These ratios have a spread of more than ${percent(MOST_SPREAD)} to a side, and say little: ${names.join(', ')}.`;
}

/** Models that have a line in FP32 alone, though others computed in less. */
function missingText({ models, measurements }: BenchResult, lines: readonly Line[]): string {
  const names = models.flatMap(({ name }) => {
    const isThere = lines.some(({ model, precision }) => model === name && precision === 'reduced');
    const isMeasured = measurements.some(({ model, precision }) => model === name && precision === 'reduced');
    return isThere || !isMeasured ? [] : [name];
  });
  if (names.length === 0) return '';
  return `There is no line \`reduced\` of ${names.join(', ')}: what Infernode found to be the fastest there computes in FP32.`;
}

function slowerText(lines: readonly Line[], causes: readonly Cause[]): string {
  // As it is printed: what rounds to 1.00 is as good.
  const slower = lines.filter(({ ratio }) => ratio !== null && Number(ratio.median.toFixed(2)) < 1);
  if (slower.length === 0) return 'Nowhere in this run.';
  const isTold = ({ ratio }: Line) => ratio!.high < 1;
  const groups: [string, Line[]][] = [
    ['By more than runs differ:', slower.filter(isTold)],
    ['By less than runs differ, so that another run may find the opposite:', slower.filter((line) => !isTold(line))],
  ];
  return groups.flatMap(([head, group]) => (group.length === 0 ? [] : [head, causesText(group, causes)])).join('\n\n');
}

function causesText(slower: readonly Line[], causes: readonly Cause[]): string {
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
    figuresTable(
      measured,
      shown.map((scenario) => [scenario, null]),
      head,
    ),
    figuresTable(
      measured,
      columnsAt(measured, 'Batch'),
      columnsAt(measured, 'Batch').map(([, at]) => `${at} in a call, samples/s`),
    ),
    server.length === 0
      ? ''
      : `Server: p99 within ${boundMs} ms; 0 where no rate held that was tried. Beside it, the throughput with so many clients at once: one trial of each server, alone and at another time, so that the rate of those that were compared may lie above it. Whoever did not come near the best in the first round, in which each server is alone, has the rate of that round only, without a range.`,
    figuresTable(
      server,
      [['Server', null], ...columnsAt(server, 'Concurrency')],
      ['Server, queries/s', ...columnsAt(server, 'Concurrency').map(([, at]) => `${at} client${at === 1 ? '' : 's'}`)],
    ),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}
