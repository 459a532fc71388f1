import { rm } from 'node:fs/promises';
import { isTensorLike } from '../backends/input-errors.js';
import { listBackends } from '../backends/registry.js';
import { libraryVersions } from '../config/environment.js';
import { makeScratchFolder } from '../config/scratch-folder.js';
import { systemInfo } from '../config/system-info.js';
import type { SampleInputs } from '../conversion/build.js';
import type { LoadOptions } from '../engine/load-options.js';
import { abortError } from '../errors.js';
import { findOnnxFile, openOpponent } from './against.js';
import { toleranceOf } from './agreement.js';
import { batchInputs, chooseInputs } from './bench-inputs.js';
import { Contestants } from './contestant.js';
import { CONVOLUTION } from './convolution.js';
import { countOperations } from './count-operations.js';
import { Measurement, type Plan } from './measurement.js';
import { bestGops, type Peak, Peaks, SIDE } from './peaks.js';
import type { Scouted, Subject } from './protocol.js';
import type { BenchmarkReport } from './report.js';

export interface BenchmarkOptions {
  /** How the model is loaded. */
  readonly load: Pick<LoadOptions, 'backend' | 'device' | 'precision' | 'threads' | 'libtorch'>;
  /** The method to call; `forward`, or the first, by default. */
  readonly method?: string;
  /** The inputs of one call; null to have them made up. */
  readonly inputs: (model: Scouted) => Promise<SampleInputs | null>;
  /** Batch sizes, and numbers of clients at once. */
  readonly batch: readonly number[];
  readonly concurrency: readonly number[];
  readonly rounds: number;
  /** How long each figure of each contestant is measured, over all rounds. */
  readonly seconds: number;
  /** Whether onnxruntime-node alone is measured as well. */
  readonly against: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (fraction: number, what: string) => void;
}

/** Each starts a process, of which libtorch takes a second. */
const MOST_COLD_STARTS = 3;
/** Products and convolutions need less time than a model for a figure that repeats. */
const PEAK_SHARE = 0.25;

/**
 * Measures a model as its users meet it: every contestant in a process of its own, in rounds that take turns.
 *
 * @throws InfernodeError as `load` and `run` do; INF_INPUT_MISSING where no inputs can be made up; INF_OUTPUT_MISMATCH; INF_ABORTED
 */
export async function benchmark(path: string, options: BenchmarkOptions): Promise<BenchmarkReport> {
  const contestants = new Contestants(options.signal);
  const scratch = makeScratchFolder();
  try {
    return await measure(path, options, contestants, scratch);
  } catch (error) {
    if (options.signal?.aborted) throw abortError(options.signal, 'The benchmark');
    throw error;
  } finally {
    await contestants.end();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function measure(
  path: string,
  options: BenchmarkOptions,
  contestants: Contestants,
  scratch: string,
): Promise<BenchmarkReport> {
  const { rounds, seconds, batch, concurrency, onProgress = () => {} } = options;
  const date = new Date().toISOString();
  const subject = (batching: boolean): Subject => ({
    runtime: 'infernode',
    path,
    options: { ...options.load, ...(batching && { batching }) },
    ...(options.method !== undefined && { method: options.method }),
  });
  onProgress(0, 'look at the model');
  const { scouted, source, plan } = await scout(subject(false), options, contestants);
  // An ONNX file has no methods: it does what `forward` does.
  const file = scouted.method === 'forward' || scouted.format === 'onnx' ? await findOnnxFile(path) : null;
  const own = new Measurement('infernode', subject(false), subject(true), plan);
  const [counts, peaks] = await matmul(file, scouted, plan, options, contestants, scratch);

  onProgress(0.1, 'compare the answers');
  const outputs = await (await own.open(contestants)).outputs();
  const otherPrecision = file === scouted.file ? scouted.precision : counts.isQuantized ? 'int8' : 'fp32';
  const tolerance = toleranceOf([scouted.precision, otherPrecision]);
  const other = options.against ? await openOpponent(file, scouted, plan, outputs, tolerance, contestants) : null;
  const measurements = [own, ...(other?.measurement ? [other.measurement] : [])];

  const coldStarts = Math.min(rounds, MOST_COLD_STARTS);
  for (let count = 0; count < coldStarts; count++) {
    onProgress(0.15 + (0.1 * count) / coldStarts, 'start cold');
    for (const measurement of measurements) await measurement.coldStart(contestants);
  }
  const begin = performance.now();
  for (let round = 0; round < rounds; round++) {
    const secondsPerRound = (performance.now() - begin) / round / 1000;
    const left = round === 0 ? '' : `, about ${Math.ceil(secondsPerRound * (rounds - round))} s left`;
    onProgress(0.25 + (0.75 * round) / rounds, `round ${round + 1} of ${rounds}${left}`);
    for (const step of Measurement.steps(plan)) for (const measurement of measurements) await step(measurement);
    await peaks?.time(plan.roundMs * PEAK_SHARE);
  }

  const results = peaks?.results ?? [];
  const products = results.filter(({ operation }) => operation === 'product');
  const convolutions = results.filter(({ operation }) => operation === 'convolution');
  const sharesIn = (precision: Scouted['precision']) => (size: number, callMs: number) => {
    const taken = plan.batches.filter(({ inputs }) => inputs !== null);
    const operations = counts.operations?.[taken.findIndex((each) => each.batch === size) + 1];
    const shareOf = (limits: typeof results) => {
      const best = bestGops(limits, precision);
      return operations === undefined || best === null ? null : operations / callMs / 1e6 / best;
    };
    return { share: shareOf(products), shareOfConvolution: shareOf(convolutions) };
  };
  const backends = await listBackends(options.load.libtorch === undefined ? {} : { libtorch: options.load.libtorch });
  return {
    schemaVersion: 1,
    date,
    machine: systemInfo(),
    versions: libraryVersions(backends),
    settings: {
      rounds,
      seconds,
      threads: scouted.threads,
      batch,
      concurrency,
      precision: options.load.precision ?? null,
    },
    model: modelOf(path, scouted),
    inputs: { source, values: valuesOf(plan.one) },
    contestants: await Promise.all(
      measurements.map((each) => each.report(sharesIn(each === own ? scouted.precision : otherPrecision))),
    ),
    against: other && {
      name: 'onnxruntime-node',
      absent: other.absent,
      agreement: other.agreement,
      ratios: other.measurement && own.ratiosTo(other.measurement),
    },
    matmul: {
      side: SIDE,
      peaks: products,
      gopsOfCall: counts.operations === null ? null : counts.operations[0]! / 1e9,
      reason: counts.reason ?? withoutLimit(results, scouted.precision),
    },
    convolution: { ...CONVOLUTION, peaks: convolutions },
  };
}

/** Finds out, in a process that ends with it, what the model takes. */
function scout(
  subject: Subject,
  { inputs, batch, concurrency, rounds, seconds }: BenchmarkOptions,
  contestants: Contestants,
): Promise<{ scouted: Scouted; source: 'given' | 'made up'; plan: Plan }> {
  return contestants.with(async (contestant) => {
    await contestant.open(subject);
    const scouted = await contestant.scout();
    const given = await inputs(scouted);
    const one = chooseInputs(given, scouted);
    // What the model does not take is said before anything is measured.
    await contestant.outputs(one);
    const batches = await batchInputs(batch, one, scouted, contestant);
    const plan: Plan = { one, batches, concurrency, roundMs: (1000 * seconds) / rounds };
    return { scouted, source: given === null ? 'made up' : 'given', plan };
  });
}

/** How much a call multiplies, and the products of matrices to compare it with. Of a model on a GPU neither means a thing. */
async function matmul(
  file: string | null,
  { device, threads }: Scouted,
  { one, batches }: Plan,
  { load: { libtorch } }: BenchmarkOptions,
  contestants: Contestants,
  scratch: string,
): Promise<[Awaited<ReturnType<typeof countOperations>>, Peaks | null]> {
  const unknown = (reason: string) => ({ operations: null, reason, isQuantized: false });
  if (device !== 'cpu') return [unknown(`the model runs on ${device}`), null];
  const inputs: SampleInputs[] = [one, ...batches.flatMap(({ inputs }) => (inputs === null ? [] : [inputs]))];
  const counts =
    file === null
      ? unknown('operations are counted in ONNX files, and there is none of this model')
      : await contestants.with((contestant) => countOperations(file, inputs, scratch, contestant));
  const peaks = await Peaks.open(contestants, scratch, { threads, ...(libtorch !== undefined && { libtorch }) });
  return [counts, peaks];
}

/** Why there is no share of a model whose operations are known; null where there is one. */
function withoutLimit(limits: readonly Peak[], precision: Scouted['precision']): string | null {
  if (bestGops(limits, precision) !== null) return null;
  if (precision === null) return 'the model computes in FP16 or FP64, or in several precisions, which are not measured';
  return `nothing here could be measured in ${precision}`;
}

function modelOf(path: string, scouted: Scouted): BenchmarkReport['model'] {
  const { file, format, backend, device, reason, precision, method } = scouted;
  return { path, file, format, backend, device, reason, precision, method };
}

function valuesOf(inputs: SampleInputs): BenchmarkReport['inputs']['values'] {
  return Object.entries(inputs).map(([name, value]) =>
    isTensorLike(value)
      ? { name, type: value.dtype, shape: value.shape }
      : { name, type: Array.isArray(value) ? 'list' : typeof value, shape: null },
  );
}
