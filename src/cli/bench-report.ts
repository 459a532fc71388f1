import { formatShape } from '../backends/input-errors.js';
import type { Latency, Spread } from '../benchmark/figures.js';
import type { Peak } from '../benchmark/peaks.js';
import type { BenchmarkReport, ContestantReport, Ratios } from '../benchmark/report.js';
import { clip, formatBytes, formatMs, LEAST_MS, table } from './output.js';

/** Long enough for the error that a model gives, whose end says most. */
const REASON_LENGTH = 400;

/** One figure of every contestant; undefined for one that was not measured. */
type Cells = (contestant: ContestantReport) => string | undefined;

/**
 * The benchmark for people: what was measured, a table of figures with a column for each contestant, and notes.
 *
 * @param width of the terminal; a table that is wider comes without the ranges of its figures
 */
export function reportText(report: BenchmarkReport, width = Number.POSITIVE_INFINITY): string {
  const rows = figureRows(report);
  const figures = figuresTable(rows);
  const fits = figures.split('\n').every((line) => line.length <= width);
  return [
    headText(report, fits),
    fits ? figures : figuresTable(rows.map((row) => row.map((cell) => cell.replace(RANGE, '')))),
    notesText(report),
  ].join('\n\n');
}

/** What `ms`, `rate` and `times` put after a median. */
const RANGE = / \([\d.]+\)$/;

function headText({ model, inputs, machine, versions, settings }: BenchmarkReport, withRanges: boolean): string {
  const { rounds, seconds, threads } = settings;
  const values = inputs.values.map(
    ({ name, type, shape }) => `${name} ${type}${shape ? ` ${formatShape(shape)}` : ''}`,
  );
  const features = machine.cpu.features?.join(' ') ?? 'unknown features';
  const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
  return table([
    ['model', `${model.path} (${model.format})`],
    ...(model.file === model.path ? [] : [['file', model.file]]),
    ...(model.method === 'forward' ? [] : [['method', model.method]]),
    [
      'backend',
      `${model.backend} on ${model.device}, ${count(threads, 'thread')} (${clip(model.reason, REASON_LENGTH)})`,
    ],
    ['inputs', `${inputs.source}: ${values.join(', ') || 'none'}`],
    ['machine', `${machine.cpu.model}, ${count(machine.cores, 'core')}, ${features}`],
    [
      'versions',
      Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(', '),
    ],
    ['figures', `medians of ${count(rounds, 'round')}${withRanges ? ' (their range)' : ''}; ${seconds} s for each`],
  ]);
}

function figureRows({ contestants, against, model }: BenchmarkReport): string[][] {
  const ratios = against?.ratios ?? null;
  const rows: string[][] = [
    ['', ...contestants.map(({ name }) => (name === 'infernode' ? `infernode ${model.backend}` : name))],
  ];
  if (ratios !== null) rows[0]!.push('times as fast');
  const add = (what: string, cells: Cells, ratio?: Spread) => {
    const row = [what, ...contestants.map((contestant) => cells(contestant) ?? '')];
    if (row.slice(1).some((cell) => cell !== '')) rows.push(ratio === undefined ? row : [...row, times(ratio)]);
  };
  addLatency(add, 'one call', ({ latency }) => latency, ratios?.latency);
  addBatches(add, contestants[0]!, ratios);
  addConcurrency(add, contestants[0]!, ratios);
  const loop =
    (pick: (delay: ContestantReport['loopDelay']) => number): Cells =>
    ({ loopDelay }) =>
      formatMs(pick(loopDelay));
  add(
    'event-loop delay, p50',
    loop(({ p50 }) => p50),
  );
  add(
    '  p99',
    loop(({ p99 }) => p99),
  );
  add(
    '  max',
    loop(({ max }) => max),
  );
  add('cold start', ({ coldStart }) => ms(coldStart), ratios?.coldStart);
  add('  load', ({ load }) => ms(load));
  add('  first run', ({ firstRun }) => ms(firstRun));
  add('memory, model loaded', ({ memory }) => formatBytes(memory.loaded));
  add('  at peak', ({ memory }) => formatBytes(memory.peak));
  return rows;
}

function figuresTable(rows: readonly (readonly string[])[]): string {
  return table(rows, '', [1, 2, 3].slice(0, rows[0]!.length - 1));
}

type Add = (what: string, cells: Cells, ratio?: Spread) => void;

function addLatency(add: Add, what: string, latency: (of: ContestantReport) => Latency | null, ratio?: Spread): void {
  add(`${what}, p50`, (of) => maybe(latency(of), ({ rounds }) => ms(rounds)), ratio);
  add('  p90', (of) => maybe(latency(of)?.p90, formatMs));
  add('  p99', (of) => maybe(latency(of)?.p99, formatMs));
}

function addBatches(add: Add, { batches }: ContestantReport, ratios: Ratios | null): void {
  for (const [index, { batch, reason }] of batches.entries()) {
    const ratio = ratios?.batches.find((each) => each.batch === batch)?.ratio;
    const of = ({ batches: all }: ContestantReport) => all[index]!;
    if (reason !== null) continue;
    add(`batch ${batch}, inferences/s`, (one) => maybe(of(one).inferencesPerSecond, rate), ratio);
    if (batch > 1) add('  call, p50', (one) => maybe(of(one).call, ({ rounds }) => ms(rounds)));
    add('  of the best product', (one) => maybe(of(one).share, percent));
    add('  of the best convolution', (one) => maybe(of(one).shareOfConvolution, percent));
  }
}

function addConcurrency(add: Add, { concurrency }: ContestantReport, ratios: Ratios | null): void {
  for (const [index, { clients }] of concurrency.entries()) {
    const ratio = ratios?.concurrency[index]?.ratio;
    const of = ({ concurrency: all }: ContestantReport) => all[index]!;
    const what = `${clients} client${clients === 1 ? '' : 's'}`;
    add(`${what}, inferences/s`, (one) => rate(of(one).inferencesPerSecond), ratio);
    add('  latency, p50', (one) => ms(of(one).latency.rounds));
    add('  p99', (one) => maybe(of(one).latency.p99, formatMs));
    if (clients > 1) add('  requests in a call', (one) => maybe(of(one).batchSize, (size) => size.toFixed(1)));
  }
}

function notesText({ model, inputs, contestants, against, matmul, convolution }: BenchmarkReport): string {
  const lines: string[] = [];
  if (inputs.source === 'made up' && model.format === 'torchscript') {
    lines.push('a TorchScript file does not say what it takes: give --input if dtypes or shapes are not like yours');
  }
  for (const { batch, reason } of contestants[0]!.batches) {
    if (reason !== null) lines.push(`no batch of ${batch}: ${clip(reason, REASON_LENGTH)}`);
  }
  // The operations are counted in an ONNX file: there is one, in the same folder.
  if (model.format !== 'onnx' && model.file !== model.path && matmul.gopsOfCall !== null) {
    lines.push(
      'the folder has an ONNX file too: --backend onnx measures it, infernode optimize finds out which is faster',
    );
  }
  if (contestants[0]!.concurrency.length > 0) {
    lines.push('clients ask a model that was loaded with batching; one call and batches are of one without');
  }
  const { rows, channels, side, kernel } = convolution;
  const kinds: [string, readonly Peak[]][] = [
    [`product of ${matmul.side} x ${matmul.side} matrices`, matmul.peaks],
    [
      `convolution (${rows} x ${channels} x ${side} x ${side}, ${channels} filters of ${kernel} x ${kernel})`,
      convolution.peaks,
    ],
  ];
  for (const [what, peaks] of kinds) {
    const figures = peaks.map(({ precision, backend, gops, reason }) =>
      gops === null
        ? `${precision} ${backend} absent (${clip(reason ?? '', 60)})`
        : `${precision} ${backend} ${gops.max.toFixed(0)}`,
    );
    if (figures.length > 0) lines.push(`best ${what}, Gop/s: ${figures.join(', ')}`);
  }
  if (matmul.gopsOfCall !== null) {
    lines.push(`one call takes ${matmul.gopsOfCall.toPrecision(3)} Gop, a multiplication and its addition being two`);
  }
  if (matmul.reason !== null) lines.push(`no share of the best product or convolution: ${clip(matmul.reason)}`);
  if (against?.agreement) {
    const { difference, tolerance } = against.agreement;
    const how = difference === 0 ? 'exactly' : `within ${difference.toPrecision(2)} of the largest element`;
    lines.push(`the answers agree ${how}; ${tolerance} is allowed`);
  }
  if (against?.absent) lines.push(`${against.name} is absent: ${clip(against.absent, 200)}`);
  return lines.map((line) => `note: ${line}`).join('\n');
}

function maybe<T>(value: T | null | undefined, format: (value: T) => string): string | undefined {
  return value === null || value === undefined ? undefined : format(value);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function ms({ median, min, max }: Spread): string {
  const scale = median < LEAST_MS ? 1000 : 1;
  return `${formatMs(median)} (${digits(scale * min)}..${digits(scale * max)})`;
}

function rate({ median, min, max }: Spread): string {
  return `${digits(median)} (${digits(min)}..${digits(max)})`;
}

function times({ median, min, max }: Spread): string {
  return `${median.toFixed(2)}x (${min.toFixed(2)}..${max.toFixed(2)})`;
}

function digits(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
