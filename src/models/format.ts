import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import type { ModelFormat } from '../backends/backend.js';
import { InfernodeError, messageOf } from '../errors.js';
import { EXPORT_HINT } from './export-hint.js';
import { foreignFormat } from './foreign-formats.js';
import { sniffOnnx } from './onnx-sniff.js';
import { zipFormat } from './zip-format.js';

const HEAD_BYTES = 4096;

/**
 * Tells what a model file is by its content; its name does not count. Nothing in it is executed or unpickled.
 *
 * @throws InfernodeError INF_MODEL_NOT_FOUND; INF_MODEL_INVALID for a file that is cut short or damaged;
 *   INF_MODEL_FORMAT for anything that is not a model Infernode runs, with what it is and how to get one
 */
export async function detectFormat(path: string): Promise<ModelFormat> {
  const stats = await reading(path, () => stat(path));
  if (stats.isDirectory()) throw await folderError(path);
  // Opening a pipe would wait for its writer.
  if (!stats.isFile()) throw formatError(path, 'is not a regular file');
  if (stats.size === 0) throw formatError(path, 'is empty; download or export it again');
  const file = await reading(path, () => open(path, 'r'));
  try {
    const head = Buffer.alloc(Math.min(HEAD_BYTES, stats.size));
    await file.read(head, 0, head.length, 0);
    if (head.toString('latin1', 0, 2) === 'PK') return await zipFormat(path);
    const foreign = foreignFormat(head, stats.size);
    if (foreign !== undefined) throw formatError(path, foreign);
    return await onnxFormat(path, file, stats.size);
  } finally {
    await file.close();
  }
}

async function onnxFormat(path: string, file: FileHandle, size: number): Promise<ModelFormat> {
  switch (await sniffOnnx(file, size)) {
    case 'onnx':
      return 'onnx';
    case 'truncated':
      throw new InfernodeError(
        'INF_MODEL_INVALID',
        `${path} is an ONNX model that is cut short or damaged; download or export it again`,
      );
    case 'tensorflow':
      throw formatError(path, 'is a TensorFlow SavedModel; convert it with tf2onnx and give the .onnx file');
    case 'other':
      throw formatError(path, `is no model that Infernode knows (TorchScript, AOTInductor or ONNX). ${EXPORT_HINT}`);
  }
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    const message = missing ? `There is no model at ${path}` : `The model ${path} cannot be read: ${messageOf(cause)}`;
    throw new InfernodeError('INF_MODEL_NOT_FOUND', message, { cause, details: { path } });
  }
}

async function folderError(path: string): Promise<InfernodeError> {
  const names = await readdir(path).catch((): string[] => []);
  if (names.includes('saved_model.pb')) {
    return formatError(path, 'is a TensorFlow SavedModel; convert it with tf2onnx and give the .onnx file');
  }
  if (names.some((name) => name.endsWith('.safetensors'))) {
    return formatError(path, `holds safetensors files, which are weights without a program. ${EXPORT_HINT}`);
  }
  return formatError(
    path,
    'is a folder without a model; a model folder holds model.pt, model.onnx or model.pt2, or version folders (1, 2, ...) that do',
  );
}

function formatError(path: string, what: string): InfernodeError {
  return new InfernodeError('INF_MODEL_FORMAT', `${path} ${what}`, { details: { path } });
}
