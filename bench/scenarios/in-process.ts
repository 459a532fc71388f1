import { median } from '#src/benchmark/figures';
import { checkAgreement } from '../contestants/agree.js';
import { asAbsent } from '../contestants/as-absent.js';
import { CONTESTANTS, type ContestantSpec } from '../contestants/catalogue.js';
import { type Contestant, openContestant, withAgreement } from '../contestants/contestant.js';
import { Absent } from '../contestants/protocol.js';
import type { BenchModel } from '../models/catalogue.js';
import { inputFiles } from '../models/prepare.js';
import { type BenchPlan, missingIn } from '../plan.js';
import { QUICK_MS } from '../results/pace.js';
import type { ContestantResult, Measured } from '../results/result.js';
import type { AwakeCores } from './awake-cores.js';
import { finalsOf, measureHeatsAndFinals } from './finals.js';
import { STREAMS } from './scenario.js';
import { stepsOf } from './steps.js';

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
  const asked = [...new Set([1, STREAMS, ...plan.batches, ...plan.offline])];
  const sizes = asked.filter((size) => size <= model.largestBatch).sort((a, b) => a - b);
  const files: [ContestantSpec, string | Absent][] = [];
  for (const spec of CONTESTANTS) {
    if (!spec.applies(model)) continue;
    if (missingIn(plan.mode, spec.from) === null) onProgress(`prepare ${spec.name}, ${model.name}`);
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
    return asAbsent(error, spec, mode);
  }
}

/** What a sitting adds to a result. */
interface Sitting {
  /** Whether cores could go idle all the time. */
  readonly asleep: boolean;
  readonly contestants: readonly ContestantResult[];
  readonly measurements: readonly Measured[];
}

/**
 * Starts contestants with a model, compares their answers, lets them get warm, and measures some rounds: SingleStream, MultiStream,
 * Offline, scaling by batch size, and the delay of the event loop. The first sitting begins with rounds of all contestants; in
 * later ones only those take part that are compared.
 *
 * @param cores that are awake, or null
 * @param earlier what was found of this model in earlier sittings
 */
export async function measureSitting(
  { model, sizes, inputs, files }: PreparedModel,
  plan: BenchPlan,
  threads: number,
  cores: AwakeCores | null,
  earlier: readonly Measured[],
  eachRound: () => Promise<void>,
): Promise<Sitting> {
  const own = new Set(files.flatMap(([{ name, isOurs }]) => (isOurs ? [name] : [])));
  const finalists = new Set(finalsOf(earlier, own).flatMap(({ names }) => [...names]));
  const isFirst = earlier.length === 0;
  const taking = files.filter(([{ name }]) => isFirst || finalists.has(name));
  const contestants = await Promise.all(
    taking.map(([spec, file]) => openContestant(spec, model, file, threads, inputs, plan.mode)),
  );
  try {
    const agreement = await checkAgreement(contestants, inputs.length);
    const present = contestants.filter(({ process }) => process !== null);
    const callMs = [];
    for (const { process } of present) callMs.push(await warmUp(process!, plan.warmUpMs));
    // A quick call waits for no other core, and takes longer for minutes at a time where none is idle.
    const asleep = cores !== null && Math.min(...callMs) < QUICK_MS;
    const steps = stepsOf(sizes, plan, cores);
    const { heats, finals } = plan;
    const measure = () =>
      measureHeatsAndFinals(present, steps, { heats, finals, own, earlier, eachRound, heatsCount: true });
    return {
      asleep,
      // The first sitting has all of them, and whom they agree with.
      contestants: isFirst ? contestants.map((each) => withAgreement(each, agreement.get(each) ?? null)) : [],
      measurements: asleep ? await cores.asleep(measure) : await measure(),
    };
  } finally {
    await Promise.all(contestants.map(({ process }) => process?.end()));
  }
}

/**
 * What compiles while it runs has compiled what it runs: of calls that take less than a millisecond that is a good part, and
 * takes thousands of them.
 *
 * @returns how long a call takes, in milliseconds
 */
async function warmUp(process: NonNullable<Contestant['process']>, ms: number): Promise<number> {
  const callMs = median((await process.ask({ ask: 'calls', input: 0, ms })).durations);
  if (callMs < QUICK_MS) await process.ask({ ask: 'calls', input: 0, ms: 10 * ms });
  return callMs;
}
