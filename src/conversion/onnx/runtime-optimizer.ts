import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { guardExit, unguardExit } from '../../backends/onnx/exit-guard.js';
import { SHARED_BYTES } from '../../backends/onnx/protocol.js';
import { moduleUrl } from '../../config/package-root.js';
import { makeScratchFolder } from '../../config/scratch-folder.js';
import { abortError, InfernodeError, messageOf } from '../../errors.js';
import { allGraphs } from './attributes.js';
import type { ModelProto } from './onnx-proto.js';
import { readModel } from './read-model.js';
import { writeModel } from './write-model.js';

/** What the worker is started with. */
export interface OptimizeRequest {
  readonly source: string;
  readonly target: string;
  readonly shared: Int32Array;
}

/** What the worker answers; `failure` is the runtime's message. */
export interface OptimizeAnswer {
  readonly failure: string | null;
}

/** The runtime writes its result as one protobuf message, which must stay below 2 GiB. */
const MOST_BYTES = 2 ** 31 - 2 ** 26;

/**
 * Folds constants and batch normalisation, fuses MatMul and Add, and drops what does nothing: the runtime's own `basic`
 * optimizations, which keep to operators of the format. Python's quant_pre_process does the same.
 *
 * A model that is too large for it comes back as it is.
 *
 * @throws InfernodeError INF_MODEL_INVALID if the runtime does not take the model, INF_ABORTED
 */
export async function optimizeByRuntime(model: ModelProto, signal?: AbortSignal): Promise<ModelProto> {
  const folder = makeScratchFolder();
  try {
    const source = join(folder, 'model.onnx');
    const target = join(folder, 'optimized.onnx');
    if ((await writeModel(source, model)) > MOST_BYTES) return model;
    const { failure } = await runWorker(source, target, signal);
    if (failure === null) return withImports(await readModel(target), model.opsetImport);
    throw new InfernodeError('INF_MODEL_INVALID', `ONNX Runtime does not take the model: ${failure}`, {
      details: { given: failure },
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The runtime imports every domain that it knows. */
function withImports(model: ModelProto, before: ModelProto['opsetImport']): ModelProto {
  const used = new Set<string>();
  for (const { node } of allGraphs(model.graph)) for (const { domain } of node) used.add(domain);
  const known = new Set(before.map(({ domain }) => domain));
  model.opsetImport = model.opsetImport.filter(({ domain }) => known.has(domain) || used.has(domain));
  return model;
}

async function runWorker(source: string, target: string, signal?: AbortSignal): Promise<OptimizeAnswer> {
  if (signal?.aborted) throw abortError(signal, 'The conversion');
  const shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  const workerData: OptimizeRequest = { source, target, shared };
  // The thread cannot be ended while the runtime works in it, so an abort waits for it. It takes a second at most.
  const worker = new Worker(moduleUrl('conversion/onnx/optimize-worker.js'), { workerData, execArgv: [] });
  guardExit(shared);
  try {
    return await new Promise((resolve, reject) => {
      let answer: OptimizeAnswer | undefined;
      worker.once('message', (message: OptimizeAnswer) => {
        answer = message;
      });
      worker.once('error', (cause) => {
        reject(new InfernodeError('INF_BACKEND_CRASHED', `The optimizing thread died: ${messageOf(cause)}`, { cause }));
      });
      worker.once('exit', () => {
        if (signal?.aborted) reject(abortError(signal, 'The conversion'));
        else resolve(answer ?? { failure: 'its thread ended without an answer' });
      });
    });
  } finally {
    unguardExit(shared);
  }
}
