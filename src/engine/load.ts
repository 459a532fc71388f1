import { fileURLToPath } from 'node:url';
import type { Backend, BackendName, ModelFormat, Session } from '../backends/backend.js';
import { BACKEND_NAMES, backendOf } from '../backends/registry.js';
import { abortError, InfernodeError } from '../errors.js';
import { type ModelCandidate, resolveModel } from '../models/locate.js';
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
 *   INF_OPTION_INVALID, INF_BACKEND_UNAVAILABLE, INF_DEVICE_UNAVAILABLE, INF_PRECISION_UNSUPPORTED, INF_ABORTED
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
  const { backend, candidate, choice } = await choose(names, candidates, filled);
  checkAborted(path, filled);
  const session = await loadOn(backend, candidate, filled);
  if (filled.signal?.aborted) {
    await session.close();
    checkAborted(path, filled);
  }
  return new Model(path, candidate.file, choice, config, session);
}

function checkAborted(path: string, { signal }: FilledLoadOptions): void {
  if (signal?.aborted) throw abortError(signal, `Loading ${path}`);
}

function loadOn(backend: Backend, candidate: ModelCandidate, options: FilledLoadOptions): Promise<Session> {
  return backend.load(candidate.file, candidate.format, { device: options.device, threads: options.threads });
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
