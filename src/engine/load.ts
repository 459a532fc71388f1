import { fileURLToPath } from 'node:url';
import type { Backend, BackendName, ModelFormat, Session, SessionOptions } from '../backends/backend.js';
import { defaultMethod } from '../backends/methods.js';
import { BACKEND_NAMES, backendOf } from '../backends/registry.js';
import type { BatchingConfig } from '../config/batching.js';
import type { ModelConfig } from '../config/model-config.js';
import { defaultThreads } from '../config/thread-budget.js';
import { abortError, type ErrorCode, InfernodeError } from '../errors.js';
import { type ModelCandidate, type ResolvedModel, resolveModel } from '../models/locate.js';
import type { ByteBudget } from './batching/byte-budget.js';
import { checkConfig } from './check-config.js';
import { findConverted, findTuned } from './converted-model.js';
import { type FilledLoadOptions, fillLoadOptions, type LoadOptions } from './load-options.js';
import { type BackendChoice, Model } from './model.js';
import { type ModelQueue, makeQueue, type QueueOptions } from './model-queue.js';

const FORMATS: Readonly<Record<BackendName, readonly ModelFormat[]>> = {
  torch: ['torchscript', 'aotinductor'],
  onnx: ['onnx'],
};

/**
 * Loads a model: a TorchScript, AOTInductor or ONNX file, or a model folder with versions. The event loop stays free.
 *
 * @param model a path, or a file: URL, as a string or not
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_FORMAT, INF_MODEL_INVALID, INF_MODEL_UNSAFE, INF_MODEL_CONFIG,
 *   INF_OPTION_INVALID, INF_BACKEND_UNAVAILABLE, INF_DEVICE_UNAVAILABLE, INF_PRECISION_UNSUPPORTED, INF_QUANTIZE_NOTHING,
 *   INF_CONVERSION_FAILED, INF_ABORTED
 */
export async function load(model: string | URL, options: LoadOptions = {}): Promise<Model> {
  const path = /^file:\/\//.test(String(model)) ? fileURLToPath(String(model)) : model;
  if (typeof path !== 'string' || path === '') {
    throw new InfernodeError('INF_OPTION_INVALID', 'A model is loaded from a path or a file: URL');
  }
  return loadFound(path, (formats) => resolveModel(path, { formats }), fillLoadOptions(options), null);
}

/** Files of a model and its config, found in one way or another. `formats` are those that are accepted, by preference. */
export type FindModel = (formats: readonly ModelFormat[]) => Promise<Pick<ResolvedModel, 'candidates' | 'config'>>;

/** What holds for a model where neither the options nor model.json say otherwise. */
export interface QueueDefaults {
  readonly batching: BatchingConfig;
  readonly warmup: number;
  /** The most requests that wait. */
  readonly maxQueue: number;
  /** What the tensors of all requests to all models may hold. */
  readonly budget: ByteBudget;
}

/** As `load`, with files and a config that the caller finds, and with a queue of its own if there are defaults for one. */
export async function loadFound(
  path: string,
  find: FindModel,
  options: FilledLoadOptions,
  defaults: QueueDefaults | null,
): Promise<Model> {
  checkAborted(path, options);
  const names = options.backend === 'auto' ? BACKEND_NAMES : [options.backend];
  const { candidates, config } = await find(names.flatMap((name) => FORMATS[name]));
  const precision = options.precision ?? config?.precision;
  // What was tuned may run on another backend than the one that is asked for, and was tuned for the CPU.
  if (precision === 'auto' && options.backend === 'auto' && options.device === 'cpu') {
    const tuned = await findTuned(candidates, options.libtorch);
    if (tuned !== null) return loadTuned(path, tuned, options, defaults);
  }
  const { backend, candidate, choice } = await choose(preferred(names, config), candidates, options);
  checkAborted(path, options);
  const { file, format } = candidate;
  const session = await loadOn(backend, file, format, options, config);
  // The file may hold what is asked for already.
  const info = { file, format, info: session.info };
  const { converted, note } = await orClose(session, findConverted(precision, info, options));
  if (converted !== null) await session.close();
  const used = converted === null ? session : await loadOn(backend, converted, format, options, config);
  const queue = await orClose(used, queueOf(used, config, queueOptions(options, config, defaults)));
  if (options.signal?.aborted) {
    await used.close();
    checkAborted(path, options);
  }
  return new Model(path, converted ?? file, { ...choice, reason: choice.reason + note }, config, used, queue);
}

async function queueOf(session: Session, config: ModelConfig | null, options: QueueOptions): Promise<ModelQueue> {
  const { info } = session;
  const method = defaultMethod(info);
  if (config !== null) checkConfig(config, info, info.methods[method]!);
  return makeQueue(session, method, config, options);
}

/** A tuned model says by itself how it is loaded; what the caller asks for still counts. */
async function loadTuned(
  path: string,
  folder: string,
  options: FilledLoadOptions,
  defaults: QueueDefaults | null,
): Promise<Model> {
  const find: FindModel = (formats) => resolveModel(folder, { formats });
  const tuned = await loadFound(folder, find, { ...options, precision: undefined }, defaults);
  return tuned.renamed(path, `tuned: ${tuned.choice.reason}`);
}

async function orClose<T>(session: Session, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    await session.close();
    throw error;
  }
}

/** What the caller says comes before model.json, and that before what a server has for all its models. */
function queueOptions(
  options: FilledLoadOptions,
  config: ModelConfig | null,
  defaults: QueueDefaults | null,
): QueueOptions {
  const own = [config?.batching, options.batching];
  const isAsked = [defaults?.batching, ...own].some((batching) => batching !== undefined) && options.batching !== null;
  return {
    batching: isAsked ? Object.assign({}, ...own) : null,
    defaults: defaults?.batching ?? {},
    warmup: options.warmup ?? config?.warmup ?? defaults?.warmup ?? 0,
    queue: defaults?.maxQueue ?? Number.POSITIVE_INFINITY,
    budget: defaults?.budget,
    signal: options.signal,
  };
}

function checkAborted(path: string, { signal }: FilledLoadOptions): void {
  if (signal?.aborted) throw abortError(signal, `Loading ${path}`);
}

function loadOn(
  backend: Backend,
  file: string,
  format: ModelFormat,
  { device, devices, threads, precision = 'auto', instances: asked, graphs, gpuMemoryLimit }: FilledLoadOptions,
  config: ModelConfig | null,
): Promise<Session> {
  const computed = precision === 'auto' ? (config?.precision ?? 'auto') : precision;
  const instances = asked ?? config?.instances ?? devices?.length ?? 1;
  const onCpu = device === 'cpu';
  const options: SessionOptions = {
    device,
    instances,
    // Instances that run side by side share the threads that there are; on a GPU they only hand work over.
    threads: threads ?? config?.threads ?? (onCpu ? Math.max(1, Math.floor(defaultThreads() / instances)) : 1),
    // INT8, and on a CPU FP16, is what a file is converted to, not how it is loaded.
    precision: computed === 'int8' || (computed === 'fp16' && onCpu) ? 'auto' : computed,
    ...(config?.layout && { layout: config.layout }),
    ...(devices !== null && { devices }),
    ...(gpuMemoryLimit !== undefined && { memoryLimit: gpuMemoryLimit }),
    graphs: graphs && !onCpu,
  };
  return backend.load(file, format, options);
}

/** The backend that model.json prefers comes first; the others are what there is to fall back on. */
function preferred(names: readonly BackendName[], config: ModelConfig | null): readonly BackendName[] {
  const { backend } = config ?? {};
  return backend === undefined || !names.includes(backend)
    ? names
    : [backend, ...names.filter((name) => name !== backend)];
}

/** The first backend that works here and runs one of the files. */
async function choose(
  names: readonly BackendName[],
  candidates: readonly ModelCandidate[],
  options: FilledLoadOptions,
): Promise<{ backend: Backend; candidate: ModelCandidate; choice: BackendChoice }> {
  const passedOver: string[] = [];
  let code: ErrorCode = 'INF_BACKEND_UNAVAILABLE';
  for (const name of names) {
    const candidate = candidates.find(({ format }) => FORMATS[name].includes(format));
    if (candidate === undefined) {
      passedOver.push(`${name} does not run ${candidates.map(({ format }) => format).join(', ')}`);
      continue;
    }
    const backend = backendOf(name, options.libtorch);
    const status = await backend.prepare();
    if (status.available) {
      const asked = options.backend === 'auto' ? `runs ${candidate.format}` : 'was asked for';
      return {
        backend,
        candidate,
        choice: { backend: name, reason: [`${name} (${status.reason}) ${asked}`, ...passedOver].join('; ') },
      };
    }
    code = status.code ?? code;
    passedOver.push(`${name} is unavailable: ${status.reason}`);
  }
  const exportable = names.includes('onnx') && candidates.every(({ format }) => format !== 'onnx');
  const hint = exportable ? '. Without libtorch, export the model to ONNX (torch.onnx.export) and load that' : '';
  throw new InfernodeError(code, `No backend here runs ${candidates[0]!.file}: ${passedOver.join('; ')}${hint}`);
}
