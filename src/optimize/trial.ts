import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outputs } from '../backends/backend.js';
import type { SampleInputs } from '../conversion/build.js';
import { type Build, convertsFile, loadPrecision } from '../conversion/build.js';
import type { CandidateProcess } from '../conversion/candidate-process.js';
import type { CandidateFile, ConversionReport } from '../conversion/candidate-protocol.js';
import { withProcess } from '../conversion/with-process.js';
import { messageOf } from '../errors.js';
import type { CandidateResult } from './optimize-report.js';
import type { Sample } from './samples.js';
import { type Accuracy, AccuracyMeter, shortfall } from './validator.js';

/** What every trial of one tuning shares. */
export interface TrialSetup {
  readonly libtorch: string | undefined;
  /** A folder for the files of conversions. */
  readonly scratch: string;
  readonly calibration: readonly Sample[];
  readonly validation: readonly Sample[];
  readonly labels: readonly (number | undefined)[];
  /** The float model's answers to the validation samples. */
  readonly references: readonly Outputs[];
  readonly reference: Accuracy;
  readonly maxDrop: number;
  /** Inputs of one call, and of a batch where the model takes one. */
  readonly one: SampleInputs;
  readonly batch: SampleInputs | null;
  readonly signal: AbortSignal | undefined;
}

/** A build that exists: its file, and how it is loaded. */
export interface Built {
  readonly build: Build;
  readonly file: string;
  readonly fileBytes: number;
  readonly conversion?: ConversionReport;
}

/** A build on so many threads, and what became of it. */
export interface Tried {
  readonly built: Built;
  readonly result: CandidateResult;
}

/** Makes the file of a build, if it needs one. @throws InfernodeError of the conversion */
export async function makeBuild(build: Build, setup: TrialSetup, id: string, samples?: number): Promise<Built> {
  if (!convertsFile(build)) return { build, file: build.source, fileBytes: (await stat(build.source)).size };
  const target = join(setup.scratch, `${id}.${build.format === 'onnx' ? 'onnx' : 'pt'}`);
  const shown = build.mode === 'static' ? setup.calibration.slice(0, samples).map(({ inputs }) => inputs) : [];
  const conversion = await withProcess(setup.signal, (child) => child.convert(build, target, shown, setup.libtorch));
  return { build, file: target, fileBytes: (await stat(target)).size, conversion };
}

export function candidateFile({ build, file }: Built, threads: number, libtorch: string | undefined): CandidateFile {
  const { backend, format, layout = {} } = build;
  return { backend, file, format, precision: loadPrecision(build), layout, threads, libtorch };
}

/** What a person calls a build on so many threads. */
export function candidateName({ name }: Build, threads: number): string {
  return `${name}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

/** Loads a build in a child process, holds it against the references, and measures it if it is right. */
export async function tryCandidate(built: Built, threads: number, setup: TrialSetup): Promise<CandidateResult> {
  const { build, fileBytes, conversion } = built;
  const { backend, precision, layout, exclude } = build;
  const base = {
    name: candidateName(build, threads),
    backend,
    precision,
    threads,
    fileBytes,
    ...(layout && { layout }),
    ...(exclude?.length && { exclude }),
    ...(conversion && { conversion }),
  };
  try {
    return await withProcess(setup.signal, async (child) => {
      await child.load(candidateFile(built, threads, setup.libtorch));
      const accuracy = await validate(child, setup);
      const lack = shortfall(accuracy, setup.reference, setup.maxDrop);
      if (lack !== undefined) return { ...base, accuracy, verdict: 'inaccurate', reason: lack };
      const measurement = await child.measure(setup.one, setup.batch);
      return { ...base, accuracy, measurement, verdict: 'right', reason: '' };
    });
  } catch (error) {
    setup.signal?.throwIfAborted();
    return { ...base, verdict: 'failed', reason: messageOf(error) };
  }
}

/** How a loaded candidate answers the validation samples. */
export async function validate(child: CandidateProcess, setup: TrialSetup, most = Number.POSITIVE_INFINITY) {
  const meter = new AccuracyMeter();
  for (const [index, { inputs }] of setup.validation.entries()) {
    if (index >= most) break;
    meter.add(await child.run(inputs), setup.references[index]!, setup.labels[index]);
  }
  return meter.result;
}
