import { type FileHandle, open, readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { checkExternalData } from '../../backends/onnx/external-data.js';
import { byteCount } from '../../backends/onnx/model-file.js';
import { walkModel } from '../../backends/onnx/model-graph.js';
import type * as backend from '../../backends/onnx/onnx-schema.js';
import { InfernodeError, messageOf } from '../../errors.js';
import { decodeOnnx, type ModelProto, type TensorProto } from './onnx-proto.js';

/** Node reads less than 2 GiB at once. */
const MOST_AT_ONCE = 2 ** 30;

/**
 * Reads a model with all its weights. Of files beside it, only the bytes that tensors name are read, after the checks
 * that loading makes as well: see external-data.ts. The model no longer refers to those files.
 *
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_INVALID, INF_MODEL_UNSAFE
 */
export async function readModel(path: string): Promise<ModelProto> {
  const model = decode(path, await readBytes(path));
  // The same messages, decoded with more fields.
  const checked = model as unknown as backend.ModelProto;
  await checkExternalData(path, checked);
  const tensors: TensorProto[] = [];
  walkModel(checked, { tensor: (tensor) => tensors.push(tensor as unknown as TensorProto) });
  await loadExternal(path, tensors);
  return model;
}

async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new InfernodeError('INF_MODEL_NOT_FOUND', `There is no model file ${path}`, { cause, details: { path } });
    }
    throw invalid(path, `cannot be read: ${messageOf(cause)}`, cause);
  }
}

function decode(path: string, bytes: Buffer): ModelProto {
  let model: ModelProto;
  try {
    model = decodeOnnx(bytes);
  } catch (cause) {
    throw invalid(path, `is no ONNX model, or is cut short: ${messageOf(cause)}`, cause);
  }
  if (model.graph == null || bytes.length === 0) throw invalid(path, 'is no ONNX model: it has no graph');
  return model;
}

async function loadExternal(path: string, tensors: readonly TensorProto[]): Promise<void> {
  const files = new Map<string, FileHandle>();
  try {
    for (const tensor of tensors) {
      if (tensor.externalData.length === 0) continue;
      const entries = Object.fromEntries(tensor.externalData.map(({ key, value }) => [key, value]));
      const location = entries.location!;
      const file = files.get(location) ?? (await open(resolve(dirname(path), location)));
      files.set(location, file);
      const length = Number(entries.length) || byteCount(tensor as unknown as backend.TensorProto);
      tensor.rawData = await readRange(path, file, Number(entries.offset ?? 0), length);
      tensor.externalData = [];
      tensor.dataLocation = 0;
    }
  } finally {
    for (const file of files.values()) await file.close();
  }
}

async function readRange(path: string, file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const count = Math.min(length - filled, MOST_AT_ONCE);
    const { bytesRead } = await file.read(bytes, filled, count, offset + filled);
    if (bytesRead === 0) throw invalid(path, 'has a data file that shrank while it was read');
    filled += bytesRead;
  }
  return bytes;
}

function invalid(path: string, what: string, cause?: unknown): InfernodeError {
  return new InfernodeError('INF_MODEL_INVALID', `${basename(path)} ${what}`, {
    cause,
    details: { path, expected: 'an ONNX model', given: what },
  });
}
