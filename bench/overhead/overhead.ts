import type { BenchPlan } from '../plan.js';
import type { Measured } from '../results/result.js';
import { timeTasks } from './measure.js';
import { openPeers } from './peers.js';

const IN_FLIGHT = 100;

/** The cost of a call: a model that does next to nothing (y = 2x + 1 of four numbers), in this process, as tinybench times it. */
export async function measureOverhead({ overheadRounds, roundMs }: BenchPlan): Promise<Measured[]> {
  const peers = await openPeers('tiny', Float32Array.of(1, 2, 3, 4), [4]);
  try {
    const tasks = peers.flatMap(({ name, run, runSync }) => [
      ...(runSync === null ? [] : [{ name: `${name}, runSync`, calls: 1, run: runSync }]),
      { name, calls: 1, run },
      { name, calls: IN_FLIGHT, run: () => Promise.all(Array.from({ length: IN_FLIGHT }, run)) },
    ]);
    const figures = await timeTasks(tasks, overheadRounds, roundMs);
    return tasks.map(({ name, calls }, index) => ({
      scenario: 'Overhead',
      model: 'tiny',
      contestant: name,
      precision: 'fp32',
      at: calls,
      rounds: figures[index]!.rounds,
      calls: figures[index]!.calls,
    }));
  } finally {
    for (const { close } of peers) await close();
  }
}
