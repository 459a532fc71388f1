import { fileURLToPath } from 'node:url';
import type { Backend, BackendName, ModelFormat, Session, SessionOptions } from '../backends/backend.js';
import { BACKEND_NAMES, backendOf } from '../backends/registry.js';
import type { ModelConfig } from '../config/model-config.js';
import { defaultThreads } from '../config/thread-budget.js';
import { abortError, InfernodeError } from '../errors.js';
import { type ModelCandidate, resolveModel } from '../models/locate.js';
import { findConverted, findTuned } from './converted-model.js';
import { type FilledLoadOptions, fillLoadOptions, type LoadOptions } from './load-options.js';
import { type BackendChoice, Model } from './model.js';

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
  const filled = fillLoadOptions(options);
  checkAborted(path, filled);
  const names = filled.backend === 'auto' ? BACKEND_NAMES : [filled.backend];
  const { candidates, config } = await resolveModel(path, { formats: names.flatMap((name) => FORMATS[name]) });
  const precision = filled.precision ?? config?.precision;
  // What was tuned may run on another backend than the one that is asked for.
  if (precision === 'auto' && filled.backend === 'auto') {
    const tuned = await findTuned(candidates, filled.libtorch);
    if (tuned !== null) return reload(path, tuned, options);
  }
  const { backend, candidate, choice } = await choose(preferred(names, config), candidates, filled);
  checkAborted(path, filled);
  const { file, format } = candidate;
  const session = await loadOn(backend, file, format, filled, config);
  // The file may hold what is asked for already.
  const { converted, note } = await findConverted(precision, { file, format, info: session.info }, filled).catch(
    async (error) => {
      await session.close();
      throw error;
    },
  );
  if (converted !== null) await session.close();
  const used = converted === null ? session : await loadOn(backend, converted, format, filled, config);
  if (filled.signal?.aborted) {
    await used.close();
    checkAborted(path, filled);
  }
  return new Model(path, converted ?? file, { ...choice, reason: choice.reason + note }, config, used);
}

/** A tuned model says by itself how it is loaded; what the caller asks for still counts. */
async function reload(path: string, folder: string, options: LoadOptions): Promise<Model> {
  const { precision: _, ...others } = options;
  const tuned = await load(folder, others);
  return tuned.renamed(path, `tuned: ${tuned.choice.reason}`);
}

function checkAborted(path: string, { signal }: FilledLoadOptions): void {
  if (signal?.aborted) throw abortError(signal, `Loading ${path}`);
}

function loadOn(
  backend: Backend,
  file: string,
  format: ModelFormat,
  { device, threads, precision = 'auto' }: FilledLoadOptions,
  config: ModelConfig | null,
): Promise<Session> {
  const asked = precision === 'auto' ? (config?.precision ?? 'auto') : precision;
  const options: SessionOptions = {
    device,
    threads: threads ?? config?.threads ?? defaultThreads(),
    // INT8 and FP16 are what a file is converted to, not how it is loaded.
    precision: asked === 'bf16' ? asked : 'auto',
    ...(config?.layout && { layout: config.layout }),
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
  for (const name of names) {
    const candidate = candidates.find(({ format }) => FORMATS[name].includes(format));
    if (candidate === undefined) {
      passedOver.push(`${name} does not run ${candidates.map(({ format }) => format).join(', ')}`);
      continue;
    }
    const backend = backendOf(name, options.libtorch);
    const status = await backend.probe();
    if (status.available) {
      const asked = options.backend === 'auto' ? `runs ${candidate.format}` : 'was asked for';
      return {
        backend,
        candidate,
        choice: { backend: name, reason: [`${name} (${status.reason}) ${asked}`, ...passedOver].join('; ') },
      };
    }
    passedOver.push(`${name} is unavailable: ${status.reason}`);
  }
  const hint = names.includes('onnx')
    ? '. Without libtorch, export the model to ONNX (torch.onnx.export) and load that'
    : '';
  throw new InfernodeError(
    'INF_BACKEND_UNAVAILABLE',
    `No backend here runs ${candidates[0]!.file}: ${passedOver.join('; ')}${hint}`,
  );
}
