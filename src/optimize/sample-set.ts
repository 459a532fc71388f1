import { createHash } from 'node:crypto';
import type { InputValue, Signature } from '../backends/backend.js';
import { isTensorLike } from '../backends/input-errors.js';
import type { ModelConfig } from '../config/model-config.js';
import type { SampleInputs } from '../conversion/build.js';
import { abortError } from '../errors.js';
import { stackTensors } from '../tensor/stack.js';
import type { Tensor } from '../tensor/tensor.js';
import type { FilledOptimizeOptions } from './optimize-options.js';
import { labelOf, readSampleLabels } from './sample-labels.js';
import { checkFinite, findSamples, invalid, type Sample, type SampleSource } from './samples.js';
import { splitSamples } from './split.js';

/** The samples of one tuning, read. */
export interface SampleSet {
  readonly calibration: readonly Sample[];
  readonly validation: readonly Sample[];
  /** The class of each validation sample, undefined where there is none. */
  readonly labels: readonly (number | undefined)[];
  /** The names of validation samples without a class, where others have one. */
  readonly unlabelled: readonly string[];
  /** The highest class among all samples, and one that has it; undefined without labels. */
  readonly highest: { readonly sample: string; readonly index: number } | undefined;
  /** Of all their content and labels. */
  readonly hash: string;
}

/** With fewer there is nothing to calibrate on and to validate on. */
const FEWEST = 2;

/** Rows of a batch, for throughput. */
const BATCH_ROWS = 8;

/** Reads and splits the samples. @throws InfernodeError INF_CALIBRATION_INVALID, INF_FILE_INVALID, INF_ABORTED */
export async function readSampleSet(
  signature: Signature,
  config: ModelConfig | null,
  options: FilledOptimizeOptions,
): Promise<SampleSet> {
  const { calibration, images, signal, calibrationSamples, validationSamples } = options;
  const sources =
    typeof calibration === 'string'
      ? await findSamples(calibration, { signature, config, images })
      : calibration.map((inputs, index) => inMemory(inputs, index));
  if (sources.length < FEWEST) {
    throw invalid(`There is ${sources.length} sample; at least ${FEWEST} are needed, some hundred are better`);
  }
  const classes = await readClasses(options.labels, config);
  const split = splitSamples(sources, calibrationSamples, validationSamples);
  const read = async (source: SampleSource): Promise<Sample> => {
    if (signal?.aborted) throw abortError(signal, 'Optimizing');
    return source.read();
  };
  const parts: Sample[][] = [[], []];
  for (const source of split.calibration) parts[0]!.push(await read(source));
  for (const source of split.validation) parts[1]!.push(await read(source));
  const [forCalibration, validation] = parts as [Sample[], Sample[]];
  const labels = validation.map(({ name }) => (classes === undefined ? undefined : labelOf(classes, name)));
  if (classes !== undefined && labels.every((label) => label === undefined)) {
    throw invalid(`The labels name none of the samples; the first sample is ${validation[0]!.name}`);
  }
  return {
    calibration: forCalibration,
    validation,
    labels,
    unlabelled: classes === undefined ? [] : validation.flatMap(({ name }, i) => (labels[i] === undefined ? name : [])),
    highest: classes && highestClass(classes, parts.flat()),
    hash: hashSamples([forCalibration, validation], labels),
  };
}

function highestClass(classes: ReadonlyMap<string, number>, samples: readonly Sample[]): SampleSet['highest'] {
  const labelled = samples.flatMap(({ name }) => {
    const index = labelOf(classes, name);
    return index === undefined ? [] : [{ sample: name, index }];
  });
  return labelled.sort((a, b) => b.index - a.index)[0];
}

/** As many rows as make a batch; null if the samples cannot be put together. */
export function makeBatch(samples: readonly Sample[], signature: Signature): SampleInputs | null {
  const [first] = samples;
  const batch: Record<string, InputValue> = {};
  for (const [name, value] of Object.entries(first!.inputs)) {
    const dim = signature.inputs.find((info) => info.name === name)?.shape?.[0];
    if (!isTensorLike(value) || value.shape.length === 0 || value.shape[0] !== 1 || dim === 1) return null;
    const rows = Array.from({ length: BATCH_ROWS }, (_, i) => samples[i % samples.length]!.inputs[name]);
    const alike = rows.every((row) => isTensorLike(row) && String(row.shape) === String(value.shape));
    // Samples of several sizes: the first one, several times.
    batch[name] = stackTensors((alike ? rows : rows.map(() => value)) as Tensor[]);
  }
  return Object.keys(batch).length === 0 ? null : batch;
}

function inMemory(inputs: SampleInputs, index: number): SampleSource {
  const sample = { name: String(index), inputs };
  return {
    name: sample.name,
    read: async () => {
      checkFinite(sample);
      return sample;
    },
  };
}

async function readClasses(
  given: FilledOptimizeOptions['labels'],
  config: ModelConfig | null,
): Promise<ReadonlyMap<string, number> | undefined> {
  if (given === undefined) return undefined;
  return typeof given === 'string'
    ? readSampleLabels(given, config?.processing?.labels)
    : new Map(Object.entries(given));
}

function hashSamples(parts: readonly (readonly Sample[])[], labels: readonly (number | undefined)[]): string {
  const hash = createHash('sha256').update(JSON.stringify(labels));
  for (const [part, samples] of parts.entries()) {
    for (const { name, inputs } of samples) {
      hash.update(`${part} ${name}`);
      for (const [input, value] of Object.entries(inputs)) hashValue(hash.update(input), value);
    }
  }
  return hash.digest('hex');
}

function hashValue(hash: ReturnType<typeof createHash>, value: InputValue): void {
  if (!isTensorLike(value)) {
    hash.update(JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item)) ?? '');
    return;
  }
  hash.update(`${value.dtype} ${value.shape.join(' ')}`);
  const { data } = value;
  hash.update(
    Array.isArray(data)
      ? JSON.stringify(data)
      : new Uint8Array(
          (data as Float32Array).buffer,
          (data as Float32Array).byteOffset,
          (data as Float32Array).byteLength,
        ),
  );
}
