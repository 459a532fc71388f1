import { Bench } from 'tinybench';

/** Something to time. One call of `run` does `calls` calls; the figure is for one of them. */
export interface Task {
  readonly name: string;
  readonly calls: number;
  readonly run: () => unknown;
}

/** Microseconds of one call: the median of each round. And how many calls that were. */
export interface Timed {
  readonly rounds: readonly number[];
  readonly calls: number;
}

/**
 * Times tasks in interleaved rounds A B C, A B C, so that whatever else the machine does hits all alike.
 * @returns the figures of each task, in their order
 */
export async function timeTasks(tasks: readonly Task[], rounds: number, roundMs: number): Promise<Timed[]> {
  const figures = tasks.map(() => ({ rounds: [] as number[], calls: 0 }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, { name, run, calls }] of tasks.entries()) {
      const bench = new Bench({ time: roundMs, warmupTime: roundMs / 4 });
      bench.add(name, run as () => Promise<void>);
      await bench.run();
      const { result } = bench.tasks[0]!;
      if (result.state !== 'completed') throw new Error(`${name} did not complete`, { cause: result });
      figures[index]!.rounds.push((result.latency.p50 * 1000) / calls);
      figures[index]!.calls += result.latency.samplesCount * calls;
    }
  }
  return figures;
}
