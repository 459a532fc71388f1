import { unknownOption, wrongOption } from '../config/option-errors.js';
import { availableCores } from '../config/thread-budget.js';
import type { SampleInputs } from '../conversion/build.js';
import type { ImageOptions } from '../processing/image-input.js';
import type { OptimizeProgress } from './optimize-report.js';

/** How to tune a model. */
export interface OptimizeOptions {
  /** A folder of samples (see docs/PRECISION.md), or inputs by name. Half of them at most calibrate, the others validate. */
  readonly calibration: string | readonly SampleInputs[];
  /** The folder to write. */
  readonly output: string;
  /** The class of each sample: a .csv or .json file, or class by sample name. */
  readonly labels?: string | Readonly<Record<string, number>>;
  /** The most that top-1 may fall, or without labels the cosine; 0.01 by default. With 0 only float32's rounding is let pass. */
  readonly maxDrop?: number;
  /** What to be best at; `latency` by default. */
  readonly objective?: 'latency' | 'throughput' | 'memory';
  /** The most samples to calibrate on; 100 by default. */
  readonly calibrationSamples?: number;
  /** The most samples to validate on; 400 by default. */
  readonly validationSamples?: number;
  /** Thread counts to try; by default 1, all cores but one, and all cores. */
  readonly threads?: readonly number[];
  /** `auto`, the default, tries every backend that has a file of the model. */
  readonly backend?: 'auto' | 'torch' | 'onnx';
  /** How pictures become inputs, where model.json does not say. */
  readonly images?: ImageOptions;
  readonly libtorch?: string;
  /** Whether to use, and keep, results of earlier runs; true by default. */
  readonly cache?: boolean;
  readonly onProgress?: (progress: OptimizeProgress) => void;
  /** Gives tuning up: child processes end, and nothing is written. */
  readonly signal?: AbortSignal;
}

/** The same with every choice made. */
export type FilledOptimizeOptions = Required<Omit<OptimizeOptions, 'labels' | 'libtorch' | 'signal'>> &
  Pick<OptimizeOptions, 'labels' | 'libtorch' | 'signal'>;

const NAMES = [
  'calibration',
  'output',
  'labels',
  'maxDrop',
  'objective',
  'calibrationSamples',
  'validationSamples',
  'threads',
  'backend',
  'images',
  'libtorch',
  'cache',
  'onProgress',
  'signal',
];

/** Checks options and fills the defaults in. @throws InfernodeError INF_OPTION_INVALID */
export function fillOptimizeOptions(options: OptimizeOptions): FilledOptimizeOptions {
  const mistake = unknownOption(options, NAMES);
  if (mistake !== undefined) throw mistake;
  const cores = availableCores();
  const filled: FilledOptimizeOptions = {
    maxDrop: 0.01,
    objective: 'latency',
    calibrationSamples: 100,
    validationSamples: 400,
    threads: [...new Set([1, Math.max(1, cores - 1), cores])],
    backend: 'auto',
    images: {},
    cache: true,
    onProgress: () => {},
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  } as unknown as FilledOptimizeOptions;
  const { calibration, output, labels, maxDrop, objective, threads, backend, images } = filled;
  const { calibrationSamples, validationSamples, libtorch, cache, onProgress, signal } = filled;
  const isObject = (value: unknown) => typeof value === 'object' && value !== null;
  check(
    'calibration',
    typeof calibration === 'string' || Array.isArray(calibration),
    'a folder or an array',
    calibration,
  );
  check('output', typeof output === 'string' && output !== '', 'the path of a folder', output);
  check(
    'labels',
    labels === undefined ||
      typeof labels === 'string' ||
      (isObject(labels) && Object.values(labels).every((index) => Number.isInteger(index) && index >= 0)),
    'a file, or class numbers by sample name',
    labels,
  );
  check('maxDrop', typeof maxDrop === 'number' && maxDrop >= 0 && maxDrop < 1, 'a number from 0 to below 1', maxDrop);
  check(
    'objective',
    ['latency', 'throughput', 'memory'].includes(objective),
    'latency, throughput or memory',
    objective,
  );
  check('backend', ['auto', 'torch', 'onnx'].includes(backend), 'auto, torch or onnx', backend);
  const whole = (value: unknown, most: number) =>
    Number.isInteger(value) && (value as number) > 0 && (value as number) <= most;
  check(
    'threads',
    Array.isArray(threads) && threads.length > 0 && threads.every((n) => whole(n, cores * 4)),
    `integers from 1 to ${cores * 4}`,
    threads,
  );
  check('calibrationSamples', whole(calibrationSamples, 1e6), 'a whole number from 1', calibrationSamples);
  check('validationSamples', whole(validationSamples, 1e6), 'a whole number from 1', validationSamples);
  check('images', isObject(images), 'an object', images);
  check('libtorch', libtorch === undefined || typeof libtorch === 'string', 'a path', libtorch);
  check('cache', typeof cache === 'boolean', 'true or false', cache);
  check('onProgress', typeof onProgress === 'function', 'a function', onProgress);
  check('signal', signal === undefined || signal instanceof AbortSignal, 'an AbortSignal', signal);
  return filled;
}

function check(name: string, ok: boolean, expected: string, given: unknown): void {
  if (!ok) throw wrongOption(name, expected, given);
}
