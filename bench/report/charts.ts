import type { BenchResult, Measured } from '../results/result.js';
import { figureOf } from '../results/spread.js';
import { SCENARIOS, type Scenario } from '../scenarios/scenario.js';
import { chart, type Panel } from './chart.js';

/** A chart, with the name of its file. */
export interface Chart {
  readonly file: string;
  readonly title: string;
  readonly svg: string;
}

/** The charts of a result. Those that nothing was measured for are left out. */
export function chartsOf(result: BenchResult): Chart[] {
  const charts: Chart[] = [];
  const add = (file: string, title: string, panels: readonly Panel[]) => {
    if (panels.length > 0) charts.push({ file, title, svg: chart(title, panels) });
  };
  add(
    'latency.svg',
    'SingleStream: p90 latency of one sample, ms (shorter is better; light bars: BF16 or INT8)',
    bars(result, 'SingleStream'),
  );
  add(
    'event-loop.svg',
    'Delay of the event loop during inference, p99, ms (shorter is better; light bars: BF16 or INT8)',
    bars(result, 'EventLoop'),
  );
  add('batch.svg', 'Throughput by samples in a call, samples/s, FP32', lines(result, 'Batch', 'samples in a call'));
  add(
    'concurrency.svg',
    'Throughput of servers by clients at once, queries/s',
    lines(result, 'Concurrency', 'clients'),
  );
  return charts;
}

function bars(result: BenchResult, scenario: Scenario): Panel[] {
  const sign = SCENARIOS[scenario].better === 'lower' ? 1 : -1;
  return panels(result, scenario, (title, measured) => ({
    kind: 'bars',
    title,
    bars: measured
      .map((each) => ({
        label: each.contestant,
        value: figureOf(each.rounds).median,
        isOurs: isOurs(result, each),
        isLight: each.precision === 'reduced',
      }))
      .sort((a, b) => sign * (a.value - b.value)),
  }));
}

function lines(result: BenchResult, scenario: Scenario, xTitle: string): Panel[] {
  return panels(result, scenario, (title, measured) => {
    // All models in one chart of scaling compute alike; servers are few.
    const shown = scenario === 'Batch' ? measured.filter(({ precision }) => precision === 'fp32') : measured;
    const names = [...new Set(shown.map(({ contestant }) => contestant))];
    const series = names.map((label) => {
      const own = shown.filter(({ contestant }) => contestant === label).sort((a, b) => a.at! - b.at!);
      const points = own.map(({ at, rounds }) => ({ x: at!, y: figureOf(rounds).median }));
      return { label, isOurs: isOurs(result, own[0]!), points };
    });
    return { kind: 'lines', title, xTitle, series };
  });
}

/** A panel for each model that was measured. */
function panels(
  { models, measurements }: BenchResult,
  scenario: Scenario,
  draw: (title: string, measured: readonly Measured[]) => Panel,
): Panel[] {
  return models.flatMap(({ name, title }) => {
    const measured = measurements.filter((each) => each.scenario === scenario && each.model === name);
    return measured.length === 0 ? [] : [draw(title, measured)];
  });
}

function isOurs({ contestants }: BenchResult, { contestant }: Measured): boolean {
  return contestants.some(({ name, isOurs }) => isOurs && name === contestant);
}
