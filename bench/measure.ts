import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Bench } from 'tinybench';
import { type Spread, spreadOf } from '#src/benchmark/figures';

export const spread = spreadOf;

/** Something to time. One call of `run` does `calls` calls; the figure is for one of them. */
export interface Task {
  readonly name: string;
  readonly calls: number;
  readonly run: () => unknown;
}

/**
 * Times tasks in interleaved rounds A B C, A B C, so that whatever else the machine does hits all alike.
 * @returns microseconds of one call of each task, in their order: medians of the rounds' medians, and their spread
 */
export async function timeTasks(tasks: readonly Task[], rounds: number, roundMs: number): Promise<Spread[]> {
  const figures: number[][] = tasks.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, { name, run, calls }] of tasks.entries()) {
      const bench = new Bench({ time: roundMs, warmupTime: roundMs / 4 });
      bench.add(name, run as () => Promise<void>);
      await bench.run();
      const { result } = bench.tasks[0]!;
      if (result.state !== 'completed') throw new Error(`${name} did not complete`, { cause: result });
      figures[index]!.push((result.latency.p50 * 1000) / calls);
    }
  }
  return figures.map(spread);
}

/** The event loop's delay while `run` is called back to back for some time, and how long one call took. */
export interface LoopDelay {
  /** In milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Median of one call, in milliseconds. */
  readonly call: number;
}

export async function measureLoopDelay(run: () => Promise<unknown>, durationMs: number): Promise<LoopDelay> {
  await run();
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  const calls: number[] = [];
  const end = performance.now() + durationMs;
  histogram.enable();
  while (performance.now() < end) {
    const started = performance.now();
    await run();
    calls.push(performance.now() - started);
  }
  histogram.disable();
  const ms = (nanoseconds: number) => nanoseconds / 1e6;
  return {
    p50: ms(histogram.percentile(50)),
    p99: ms(histogram.percentile(99)),
    max: ms(histogram.max),
    call: spread(calls).median,
  };
}
