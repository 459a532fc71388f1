import { type BatchingConfig, batching } from '../config/batching.js';
import { PRECISIONS, type Precision } from '../config/model-config.js';
import { unknownOption, wrongOption } from '../config/option-errors.js';
import { availableCores } from '../config/thread-budget.js';
import { fillDeviceOptions } from './device-options.js';

/** How to load a model. */
export interface LoadOptions {
  /** `auto` by default: torch if it works here and the model has a format that it runs, else onnx. */
  readonly backend?: 'auto' | 'torch' | 'onnx';
  /** `auto` by default, which is the CPU. `cuda` is `cuda:0`. */
  readonly device?: 'auto' | 'cpu' | 'cuda' | `cuda:${number}`;
  /** GPUs to spread the instances over, by number: each has a copy of the weights. By default an instance on each. */
  readonly devices?: readonly number[];
  /** Whether calls on a GPU are recorded as CUDA graphs, by shape, and replayed; true by default. */
  readonly graphs?: boolean;
  /** Bytes that this process may take on each of the model's GPUs, for all models, until another load says otherwise. */
  readonly gpuMemoryLimit?: number;
  /** Intra-op threads of one call, by default every available core but one, which the event loop has; on a GPU 1. */
  readonly threads?: number;
  /**
   * By default that of model.json, else as the model was saved. `auto` takes what `optimize` found best for this model on
   * this machine, if it ran before. `bf16`, and on a GPU `fp16` and `tf32`, compute in it; inputs and outputs keep their
   * dtypes. `int8` quantizes weights
   * ahead and activations in each call (linear layers only); networks of convolutions need `optimize`. What has to be
   * converted is converted once and kept in the cache.
   */
  readonly precision?: Precision;
  /** Calls of the model that run at once, 1 by default. Each has as many threads as `threads` says. */
  readonly instances?: number;
  /**
   * Puts requests that wait together into one call. By default as model.json says, else not at all; true finds out whether the
   * model allows it, false never does it.
   */
  readonly batching?: boolean | BatchingConfig;
  /** Runs on made-up inputs before the model is given out; by default as model.json says, else 0. */
  readonly warmup?: number;
  /** Folder of a libtorch, instead of the one that would be found. */
  readonly libtorch?: string;
  /** Gives loading up. */
  readonly signal?: AbortSignal;
}

/** The same with every choice made. */
export interface FilledLoadOptions {
  readonly backend: 'auto' | 'torch' | 'onnx';
  readonly device: string;
  /** `device` and those after it, null for one alone. */
  readonly devices: readonly string[] | null;
  readonly graphs: boolean;
  readonly gpuMemoryLimit: number | undefined;
  /** Undefined where model.json or the default decides. */
  readonly threads: number | undefined;
  readonly precision: Precision | undefined;
  readonly instances: number | undefined;
  /** Null for none at all. */
  readonly batching: BatchingConfig | null | undefined;
  readonly warmup: number | undefined;
  readonly libtorch: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export const LOAD_OPTION_NAMES: readonly string[] = [
  'backend',
  'device',
  'devices',
  'graphs',
  'gpuMemoryLimit',
  'threads',
  'precision',
  'instances',
  'batching',
  'warmup',
  'libtorch',
  'signal',
];

/** Checks options and fills the defaults in. @throws InfernodeError INF_OPTION_INVALID */
export function fillLoadOptions(options: LoadOptions): FilledLoadOptions {
  const mistake = unknownOption(options, LOAD_OPTION_NAMES);
  if (mistake !== undefined) throw mistake;
  const { backend = 'auto', threads, precision, instances, warmup, libtorch, signal } = options;
  oneOf('backend', backend, ['auto', 'torch', 'onnx']);
  if (precision !== undefined) oneOf('precision', precision, PRECISIONS);
  const most = availableCores() * 4;
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1 || threads > most))
    throw wrongOption('threads', `an integer from 1 to ${most}`, threads);
  if (instances !== undefined && !(Number.isInteger(instances) && instances >= 1 && instances <= most))
    throw wrongOption('instances', `an integer from 1 to ${most}`, instances);
  if (warmup !== undefined && !(Number.isInteger(warmup) && warmup >= 0))
    throw wrongOption('warmup', 'an integer from 0', warmup);
  if (libtorch !== undefined && typeof libtorch !== 'string') throw wrongOption('libtorch', 'a path', libtorch);
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrongOption('signal', 'an AbortSignal', signal);
  const settled = batchingOf(options.batching);
  const where = fillDeviceOptions(options);
  return { backend, ...where, threads, precision, instances, batching: settled, warmup, libtorch, signal };
}

function batchingOf(option: LoadOptions['batching']): BatchingConfig | null | undefined {
  if (option === undefined) return undefined;
  if (typeof option === 'boolean') return option ? {} : null;
  return batching(option, { file: 'Options', path: 'batching', code: 'INF_OPTION_INVALID' });
}

function oneOf(name: string, value: unknown, choices: readonly string[]): void {
  if (!choices.includes(value as string)) throw wrongOption(name, choices.join(', '), value);
}
