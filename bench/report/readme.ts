import { linesOf } from '../results/lines.js';
import type { BenchResult } from '../results/result.js';
import { figureOf } from '../results/spread.js';
import { machineText } from './markdown.js';
import { FEW_CALLS, linesTable, overheadTable } from './tables.js';
import { figure, markdownTable } from './text.js';

const BEGIN = '<!-- bench:begin: npm run bench:report writes what follows -->';
const END = '<!-- bench:end -->';

/** Puts the figures of a run between the marks of the README; without a run, what to do to have some. */
export function withFigures(readme: string, result: BenchResult | null): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`README.md lacks ${BEGIN} or ${END}`);
  const block =
    result === null ? 'No results are here yet: `npm run bench` measures on your machine.' : figuresOf(result);
  return `${readme.slice(0, from + BEGIN.length)}\n\n${block}\n\n${readme.slice(to)}`;
}

function figuresOf(result: BenchResult): string {
  const lines = linesOf(result).filter(({ scenario }) => scenario !== 'MultiStream');
  const loop = result.measurements.filter(({ scenario }) => scenario === 'EventLoop');
  const models = [...new Set(loop.map(({ model }) => model))];
  const rows = [...new Set(loop.map(({ contestant }) => contestant))].map((name) => [
    name,
    ...models.map((model) => {
      const found = loop.find((each) => each.contestant === name && each.model === model);
      return found === undefined ? '' : figure(figureOf(found.rounds));
    }),
  ]);
  return [
    machineText(result),
    linesTable(lines),
    'SingleStream is the p90 latency of one sample, Offline the throughput where all samples are there from the start, Server the highest rate of random arrivals whose p99 latency stays in a bound. The ratio is how many times as good Infernode is.',
    FEW_CALLS,
    'Delay of the event loop while inferences run back to back, p99 in milliseconds. Calls of some microseconds, as of the MLP, stay on the thread of their caller:',
    markdownTable(['', ...models], rows),
    'A call of a model that does next to nothing, in microseconds:',
    overheadTable(result),
  ].join('\n\n');
}
