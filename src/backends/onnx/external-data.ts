import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, relative, resolve, sep, win32 } from 'node:path';
import { type ErrorCode, InfernodeError } from '../../errors.js';
import { byteCount } from './model-file.js';
import { walkModel } from './model-graph.js';
import type { ModelProto, TensorProto } from './onnx-schema.js';

/** `TensorProto.DataLocation.EXTERNAL`. */
const EXTERNAL = 1;

/** The runtime's own marker for "the offset is a memory address"; a file that carries it wants to read the process. */
const MEMORY_MARKER = '_ORT_MEM_ADDR_';

/** A file of weights beside a model. */
export interface ExternalFile {
  /** As the model names it, relative to its folder. */
  readonly location: string;
  readonly path: string;
  readonly bytes: number;
}

/**
 * Checks every file that a model wants to read weights from, before the runtime opens any: each must be a regular file
 * inside the model's folder, links followed, and hold the bytes that the model names.
 *
 * The model itself may be a link, as in download caches, where the files that a folder's links lead to lie together
 * elsewhere: data may lie in the link's folder or in the folder of the file it leads to. Hard links are allowed, for
 * package managers make them and whoever can make one could as well have copied the file.
 *
 * @returns the files, as the model names them, with their paths
 * @throws InfernodeError INF_MODEL_UNSAFE, INF_MODEL_INVALID
 */
export async function checkExternalData(path: string, model: ModelProto): Promise<ExternalFile[]> {
  const tensors: TensorProto[] = [];
  walkModel(model, {
    tensor(tensor) {
      if (tensor.dataLocation === EXTERNAL || tensor.externalData.length > 0) tensors.push(tensor);
    },
  });
  if (tensors.length === 0) return [];
  const folder = dirname(resolve(path));
  const roots = [await realpath(folder), dirname(await realpath(path))];
  const sizes = new Map<string, number>();
  for (const tensor of tensors) {
    const location = field(path, tensor, 'location');
    let size = sizes.get(location);
    if (size === undefined) {
      size = await checkFile(path, folder, roots, tensor, location);
      sizes.set(location, size);
    }
    checkRange(path, tensor, location, size);
  }
  return [...sizes].map(([location, bytes]) => ({ location, path: `${folder}${sep}${location}`, bytes }));
}

async function checkFile(
  path: string,
  folder: string,
  roots: readonly string[],
  tensor: TensorProto,
  location: string,
): Promise<number> {
  const fail = (code: ErrorCode, what: string): InfernodeError => failure(code, path, tensor, location, what);
  if (location === '') throw fail('INF_MODEL_INVALID', 'names no file');
  if (location.includes('\0')) throw fail('INF_MODEL_UNSAFE', 'names a file with a NUL character');
  if (location.includes(MEMORY_MARKER)) throw fail('INF_MODEL_UNSAFE', 'names an address in memory');
  if (isAbsolute(location) || win32.isAbsolute(location)) throw fail('INF_MODEL_UNSAFE', 'names an absolute path');
  const named = resolve(folder, location);
  if (!isInside(folder, named)) throw fail('INF_MODEL_UNSAFE', "names a file outside the model's folder");
  let target: string;
  try {
    // Not the resolved path: the runtime opens this one, where `..` after a linked folder leads elsewhere.
    target = await realpath(`${folder}${sep}${location}`);
  } catch {
    throw fail('INF_MODEL_INVALID', 'names a file that does not exist');
  }
  if (!roots.some((root) => isInside(root, target))) {
    throw fail('INF_MODEL_UNSAFE', "names a link that leads outside the model's folder");
  }
  const stats = await stat(target);
  if (!stats.isFile()) throw fail('INF_MODEL_UNSAFE', 'names something that is not a regular file');
  return stats.size;
}

function isInside(folder: string, path: string): boolean {
  const steps = relative(folder, path);
  return steps !== '' && steps !== '..' && !steps.startsWith(`..${sep}`) && !isAbsolute(steps);
}

function checkRange(path: string, tensor: TensorProto, location: string, size: number): void {
  const offset = bytesOf(path, tensor, location, 'offset');
  const end = offset + Math.max(bytesOf(path, tensor, location, 'length'), byteCount(tensor));
  if (end > size) {
    const what = `wants bytes ${offset} to ${end} of a file of ${size} bytes`;
    throw failure('INF_MODEL_INVALID', path, tensor, location, what);
  }
}

/** An absent number and 0 mean the same: from the start, as many as the shape needs. */
function bytesOf(path: string, tensor: TensorProto, location: string, key: string): number {
  const text = field(path, tensor, key);
  const value = Number(text);
  if (/^\d*$/.test(text) && Number.isSafeInteger(value)) return value;
  throw failure('INF_MODEL_INVALID', path, tensor, location, `gives the ${key} ${JSON.stringify(text)}`);
}

/** The value of a key, empty if absent. Two of one key could be read in two ways, so they are refused. */
function field(path: string, tensor: TensorProto, key: string): string {
  const values = tensor.externalData.filter((entry) => entry.key === key).map((entry) => entry.value);
  if (values.length > 1) throw failure('INF_MODEL_UNSAFE', path, tensor, values.join(', '), `gives ${key} twice`);
  return values[0] ?? '';
}

function failure(code: ErrorCode, path: string, tensor: TensorProto, location: string, what: string): InfernodeError {
  const advice = code === 'INF_MODEL_UNSAFE' ? ': keep the weights beside the model file' : '';
  const message = `${basename(path)} keeps tensor ${JSON.stringify(tensor.name)} in ${JSON.stringify(location)}, which ${what}${advice}`;
  return new InfernodeError(code, message, {
    details: { path, name: tensor.name, location, expected: "a regular file inside the model's folder", given: what },
  });
}
