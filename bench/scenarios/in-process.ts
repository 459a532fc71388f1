import { median, percentile } from '#src/benchmark/figures';
import { checkAgreement } from '../contestants/agree.js';
import { CONTESTANTS, type ContestantSpec } from '../contestants/catalogue.js';
import { type Contestant, openContestant, withAgreement } from '../contestants/contestant.js';
import { Absent } from '../contestants/protocol.js';
import type { BenchModel } from '../models/catalogue.js';
import { inputFiles } from '../models/prepare.js';
import { type BenchPlan, missingIn } from '../plan.js';
import type { ContestantResult, Measured } from '../results/result.js';
import type { AwakeCores } from './awake-cores.js';
import { measureRounds, type Rounds, type Step } from './rounds.js';
import { STREAMS } from './scenario.js';

/** What it takes to measure a model: files that were made, or the reasons why not. */
export interface PreparedModel {
  readonly model: BenchModel;
  /** Samples of a call of each set of inputs. */
  readonly sizes: readonly number[];
  readonly inputs: readonly Readonly<Record<string, string>>[];
  readonly files: readonly (readonly [ContestantSpec, string | Absent])[];
}

/** Makes what the contestants load. */
export async function prepareModel(
  model: BenchModel,
  plan: BenchPlan,
  threads: number,
  onProgress: (what: string) => void,
): Promise<PreparedModel> {
  const sizes = [...new Set([1, STREAMS, ...plan.batches, ...plan.offline])];
  const files: [ContestantSpec, string | Absent][] = [];
  for (const spec of CONTESTANTS) {
    if (!spec.applies(model)) continue;
    onProgress(`prepare ${spec.name}, ${model.name}`);
    files.push([spec, await fileOf(spec, model, plan, threads, sizes)]);
  }
  const inputs = [];
  for (const size of sizes) inputs.push(await inputFiles(model, size));
  return { model, sizes, inputs, files };
}

async function fileOf(
  spec: ContestantSpec,
  model: BenchModel,
  { mode }: BenchPlan,
  threads: number,
  sizes: readonly number[],
): Promise<string | Absent> {
  const missing = missingIn(mode, spec.from);
  if (missing !== null) return new Absent(missing);
  try {
    return await spec.model(model, threads, sizes);
  } catch (error) {
    if (error instanceof Absent) return error;
    throw error;
  }
}

/** What a sitting adds to a result. */
interface Sitting {
  readonly contestants: readonly ContestantResult[];
  readonly measurements: readonly Measured[];
}

/**
 * Starts all contestants with a model, compares their answers, lets them get warm, and measures some rounds: SingleStream,
 * MultiStream, Offline, scaling by batch size, and the delay of the event loop.
 *
 * @param cores that are awake, or null
 */
export async function measureSitting(
  { model, sizes, inputs, files }: PreparedModel,
  plan: BenchPlan,
  rounds: Rounds,
  threads: number,
  cores: AwakeCores | null,
  eachRound: (round: number) => Promise<void>,
): Promise<Sitting> {
  const contestants = await Promise.all(
    files.map(([spec, file]) => openContestant(spec, model, file, threads, inputs)),
  );
  try {
    const agreement = await checkAgreement(contestants, inputs.length);
    const present = contestants.filter(({ process }) => process !== null);
    // What compiles while it runs has compiled what it runs.
    for (const { process } of present) await process!.ask({ ask: 'calls', input: 0, ms: plan.warmUpMs });
    const measurements = await measureRounds(present, stepsOf(sizes, plan, cores), rounds, eachRound);
    return {
      contestants: contestants.map((each) => withAgreement(each, agreement.get(each) ?? null)),
      measurements,
    };
  } finally {
    await Promise.all(contestants.map(({ process }) => process?.end()));
  }
}

function stepsOf(
  sizes: readonly number[],
  { batches, offline, roundMs: ms, asleep }: BenchPlan,
  cores: AwakeCores | null,
): Step<Contestant>[] {
  const called = [...new Set([1, STREAMS, ...batches])].sort((a, b) => a - b);
  return [
    ...called.map(
      (size): Step<Contestant> => ({ measure: (contestant) => timeCalls(contestant, sizes.indexOf(size), size, ms) }),
    ),
    ...offline.map(
      (size): Step<Contestant> => ({
        async measure({ process }) {
          const { calls, elapsedMs } = await process!.ask({ ask: 'offline', input: sizes.indexOf(size), ms });
          return [{ scenario: 'Offline', at: size, value: (1000 * size * calls) / elapsedMs, calls }];
        },
      }),
    ),
    {
      applies: ({ spec }) => asleep && cores !== null && spec.runsIn === 'node',
      async measure({ process }) {
        const { durations } = await cores!.asleep(() => process!.ask({ ask: 'calls', input: 0, ms }));
        const value = percentile(durations, 0.9);
        return [{ scenario: 'Asleep', at: null, value, calls: durations.length }];
      },
    },
    {
      applies: ({ spec }) => spec.runsIn === 'node',
      async measure({ process }) {
        const { p99 } = await process!.ask({ ask: 'loop', input: 0, ms });
        return [{ scenario: 'EventLoop', at: null, value: p99, calls: 1 }];
      },
    },
  ];
}

async function timeCalls({ process }: Contestant, input: number, size: number, ms: number) {
  const { durations } = await process!.ask({ ask: 'calls', input, ms });
  const calls = durations.length;
  const scaling = { scenario: 'Batch', at: size, value: (1000 * size) / median(durations), calls } as const;
  if (size === 1)
    return [scaling, { scenario: 'SingleStream', at: null, value: percentile(durations, 0.9), calls } as const];
  if (size !== STREAMS) return [scaling];
  return [scaling, { scenario: 'MultiStream', at: null, value: percentile(durations, 0.99), calls } as const];
}
