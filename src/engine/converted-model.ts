import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { BackendName, ModelFormat, ModelInfo } from '../backends/backend.js';
import { listBackends } from '../backends/registry.js';
import { hasVnni } from '../config/cpu-features.js';
import { environmentHash, libraryVersions } from '../config/environment.js';
import { hashOf } from '../config/hash.js';
import type { Precision } from '../config/model-config.js';
import { makeScratchFolder } from '../config/scratch-folder.js';
import { systemInfo } from '../config/system-info.js';
import { isQuantized } from '../conversion/is-quantized.js';
import { withProcess } from '../conversion/with-process.js';
import { abortError, InfernodeError } from '../errors.js';
import type { ModelCandidate } from '../models/locate.js';
import { findEntry, hasEntries, hashFiles, newestEntry, storeEntry } from '../models/tuned-cache.js';
import type { FilledLoadOptions } from './load-options.js';

/** A model as its file holds it. */
interface SavedModel {
  readonly file: string;
  readonly format: ModelFormat;
  readonly info: ModelInfo;
}

interface Converted {
  /** Null if the model is as it is asked for already. */
  readonly converted: string | null;
  /** What became of the wish, to be put after the reason of the backend's choice. */
  readonly note: string;
}

/** The model folder that `optimize` found best for these files on this machine; null if it never ran. */
export async function findTuned(
  candidates: readonly ModelCandidate[],
  libtorch: string | undefined,
): Promise<string | null> {
  if (!(await hasEntries())) return null;
  const model = await hashFiles(candidates.map(({ file }) => file));
  const entry = await newestEntry(model, await environment(libtorch));
  return entry?.folder ?? null;
}

/**
 * The file of a model in INT8 or FP16, from the cache or made now, by a child process: libtorch's passes may crash.
 *
 * @throws InfernodeError INF_PRECISION_UNSUPPORTED, INF_QUANTIZE_NOTHING, INF_CONVERSION_FAILED, INF_ABORTED
 */
export async function findConverted(
  precision: Precision | undefined,
  { file, format, info }: SavedModel,
  { libtorch, signal, device }: FilledLoadOptions,
): Promise<Converted> {
  if (precision !== 'int8' && precision !== 'fp16') return { converted: null, note: '' };
  if (device !== 'cpu') {
    if (precision === 'fp16') return { converted: null, note: '' };
    throw new InfernodeError('INF_PRECISION_UNSUPPORTED', `INT8 runs on the CPU, not on ${device}: use fp16 or bf16`, {
      details: { expected: 'auto, fp32, tf32, bf16 or fp16', given: precision },
    });
  }
  if (isAlready(precision, info)) return { converted: null, note: `; the model is ${precision} as it was saved` };
  const backend: BackendName = format === 'onnx' ? 'onnx' : 'torch';
  if (format === 'aotinductor' || (backend === 'torch' && precision === 'fp16')) {
    const why =
      format === 'aotinductor'
        ? 'it is compiled: export it in that precision'
        : 'FP16 is several times slower than FP32 on a CPU: use bf16 or int8';
    throw new InfernodeError('INF_PRECISION_UNSUPPORTED', `${file} does not run in ${precision}: ${why}`, {
      details: { given: precision },
    });
  }
  const reduceRange = !hasVnni(systemInfo());
  const model = await hashFiles([file]);
  const here = await environment(libtorch);
  const key = hashOf('convert', precision, format, here, reduceRange);
  const name = format === 'onnx' ? 'model.onnx' : 'model.pt';
  const known = await findEntry(model, key);
  const found = (folder: string) => ({ converted: join(folder, name), note: `; converted to ${precision}` });
  if (known !== null) return found(known.folder);

  const scratch = makeScratchFolder();
  try {
    const common = { name: `${backend} ${precision}`, backend, source: file, format, precision } as const;
    const build = precision === 'int8' ? ({ ...common, mode: 'dynamic', reduceRange } as const) : common;
    await withProcess(signal, (child) => child.convert(build, join(scratch, name), [], libtorch));
    signal?.throwIfAborted();
    await storeEntry(model, key, `converted ${here}`, scratch);
    const stored = await findEntry(model, key);
    if (stored === null)
      throw new InfernodeError(
        'INF_CONVERSION_FAILED',
        `The cache cannot hold ${basename(file)} in ${precision}: set XDG_CACHE_HOME to a folder that can be written`,
      );
    return found(stored.folder);
  } catch (error) {
    if (signal?.aborted) throw abortError(signal, `Converting ${file}`);
    if (!(error instanceof InfernodeError) || error.code !== 'INF_QUANTIZE_NOTHING' || precision !== 'int8')
      throw error;
    throw new InfernodeError(error.code, `${error.message}. ${adviceFor(backend, info)}`, { cause: error });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What to do with a model that has nothing for dynamic quantization. */
function adviceFor(backend: BackendName, { ops }: ModelInfo): string {
  const has = (pattern: RegExp) => Object.keys(ops).some((op) => pattern.test(op));
  if (has(/conv/i)) return 'For convolutions use optimize(), which calibrates';
  if (backend === 'torch' && has(/lstm/i)) return 'LSTMs are quantized in ONNX models: export this one, or use bf16';
  return 'It stays as it is';
}

function isAlready(precision: 'int8' | 'fp16', info: ModelInfo): boolean {
  if (precision === 'int8') return isQuantized(info);
  const { dtypes, count } = info.parameters;
  return (dtypes.float16 ?? 0) > count / 2;
}

async function environment(libtorch: string | undefined): Promise<string> {
  const backends = await listBackends(libtorch === undefined ? {} : { libtorch });
  return environmentHash(systemInfo(), libraryVersions(backends));
}
