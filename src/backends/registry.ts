import type { Backend, BackendName, BackendStatus } from './backend.js';
import { onnxBackend } from './onnx/backend.js';
import { TorchBackend } from './torch/backend.js';

/** The backends, the preferred one first. */
export const BACKEND_NAMES: readonly BackendName[] = ['torch', 'onnx'];

const torchByFolder = new Map<string | undefined, TorchBackend>();

/**
 * The backend of a name; one object per name and libtorch folder, so that probing happens once.
 * @param libtorch folder of a libtorch, for the torch backend
 */
export function backendOf(name: BackendName, libtorch?: string): Backend {
  if (name === 'onnx') return onnxBackend;
  let backend = torchByFolder.get(libtorch);
  if (backend === undefined) {
    backend = new TorchBackend(libtorch);
    torchByFolder.set(libtorch, backend);
  }
  return backend;
}

/**
 * Every backend, whether it works here, and if not, why and what to do. Never throws. The first call opens the native
 * libraries in a child process, which may take seconds; what worked is remembered on disk.
 * @param options `fresh` opens them in any case: a library of the system may have gone since
 */
export function listBackends(options: { libtorch?: string; fresh?: boolean } = {}): Promise<BackendStatus[]> {
  const { libtorch, fresh = false } = options;
  return Promise.all(BACKEND_NAMES.map((name) => backendOf(name, libtorch).probe({ fresh })));
}
