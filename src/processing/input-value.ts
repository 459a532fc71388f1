import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { InputValue, Signature, ValueInfo } from '../backends/backend.js';
import { formatShape } from '../backends/input-errors.js';
import type { ImageProcessing } from '../config/image-processing.js';
import { InfernodeError, messageOf } from '../errors.js';
import type { TensorData } from '../tensor/dtype.js';
import { tensorFromJson } from '../tensor/json.js';
import { readNpy } from '../tensor/npy.js';
import { Tensor } from '../tensor/tensor.js';
import { findInput } from './find-input.js';
import { imageToTensor } from './image.js';

const PICTURES = ['.png', '.jpg', '.jpeg', '.webp', '.gif', '.tif', '.tiff', '.avif'];

/** Whether this names a picture file. */
export function isPicture(source: string): boolean {
  return PICTURES.includes(extname(source).toLowerCase());
}

/** The pictures in a folder, by name; anything else as it is. */
export async function listPictures(source: string): Promise<string[]> {
  const stats = await stat(source).catch(() => undefined);
  if (!stats?.isDirectory()) return [source];
  const names = (await readdir(source)).filter(isPicture).sort();
  if (names.length === 0)
    throw new InfernodeError('INF_FILE_INVALID', `The folder ${source} has no pictures (${PICTURES.join(' ')})`);
  return names.map((name) => join(source, name));
}

/**
 * Reads one value of an input: a .npy or .json file, a picture, or JSON written on the command line.
 *
 * @param processing gives the settings of a picture
 * @throws InfernodeError INF_FILE_INVALID, INF_TENSOR_*, INF_INPUT_TYPE, INF_BACKEND_UNAVAILABLE
 */
export async function readValue(
  source: string,
  info: ValueInfo,
  processing: () => ImageProcessing,
): Promise<InputValue> {
  const stats = await stat(source).catch(() => undefined);
  if (stats === undefined) return about(`Input "${info.name}"`, async () => fromText(source, info));
  if (isPicture(source)) return readPicture(source, info, processing());
  const extension = extname(source).toLowerCase();
  if (extension === '.npy') return about(source, async () => readNpy(await readFile(source)));
  if (extension === '.json')
    return about(source, async () => fromJson(parseJson(await readFile(source, 'utf8')), info));
  throw new InfernodeError(
    'INF_FILE_INVALID',
    `${source} is none of .npy, .json and the pictures ${PICTURES.join(' ')}`,
    {
      details: { name: source, expected: '.npy, .json or a picture', given: extension || 'no extension' },
    },
  );
}

/**
 * Reads a .json file that holds a value for each input, by name, or for elements of inputs, by path.
 * @throws InfernodeError INF_FILE_INVALID, INF_INPUT_UNKNOWN, INF_TENSOR_*
 */
export function readJsonFile(file: string, signature: Signature): Promise<Record<string, InputValue>> {
  return about(file, async () => {
    const value = parseJson(await readFile(file, 'utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new InfernodeError('INF_FILE_INVALID', 'expected an object with the names of the inputs as keys');
    }
    const inputs = Object.entries(value).map(([name, item]): [string, InputValue] => {
      const info = findInput(signature, name);
      if (info === undefined) throw new InfernodeError('INF_INPUT_UNKNOWN', `The model has no input "${name}"`);
      return [name, fromJson(item, info)];
    });
    return Object.fromEntries(inputs);
  });
}

async function readPicture(source: string, info: ValueInfo, processing: ImageProcessing): Promise<Tensor> {
  const dtype = info.dtype ?? 'float32';
  if (info.kind !== 'tensor' || dtype === 'string' || dtype === 'bool') {
    throw new InfernodeError('INF_INPUT_TYPE', `Input "${info.name}" is ${info.type}, which a picture cannot be`, {
      details: { name: info.name, expected: info.type, given: source },
    });
  }
  const tensor = await imageToTensor(source, processing, { dtype });
  checkSize(tensor, source, info);
  return tensor;
}

/** Of a picture whose size does not fit, says by which options it would. The batch is another matter. */
function checkSize({ shape }: Tensor, source: string, info: ValueInfo): void {
  if (
    info.shape?.length !== 4 ||
    info.shape.every((dim, axis) => axis === 0 || typeof dim !== 'number' || dim === shape[axis])
  ) {
    return;
  }
  const expected = formatShape(info.shape);
  const given = formatShape(shape);
  throw new InfernodeError(
    'INF_INPUT_SHAPE',
    `Input "${info.name}" must have shape ${expected}, but ${source} makes ${given}: set --resize, --crop, --layout or --color`,
    { details: { name: info.name, expected, given } },
  );
}

/** Puts what an error is about before its message: a file or an input. */
async function about<T>(subject: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const code = cause instanceof InfernodeError ? cause.code : 'INF_FILE_INVALID';
    const details = cause instanceof InfernodeError ? cause.details : {};
    throw new InfernodeError(code, `${subject}: ${messageOf(cause)}`, { cause, details: { ...details, subject } });
  }
}

/** JSON on the command line; for an input of strings, bare text as well. */
function fromText(source: string, info: ValueInfo): InputValue {
  const takesText = info.kind === 'string' || info.dtype === 'string';
  if (takesText && !/^\s*["[{]/.test(source)) return fromJson(source, info);
  let value: unknown;
  try {
    value = parseJson(source);
  } catch (cause) {
    throw new InfernodeError('INF_FILE_INVALID', `there is no file ${source}, and it is not JSON either`, {
      cause,
      details: { name: info.name, expected: 'a file or JSON', given: source },
    });
  }
  return fromJson(value, info);
}

/** Lone 64-bit integers keep their digits, which JSON.parse would round. */
function parseJson(text: string): unknown {
  if (/^\s*-?\d{16,20}\s*$/.test(text)) return BigInt(text);
  return JSON.parse(text.replace(/^\uFEFF/, ''));
}

/** A value as the signature wants it: tensors where it has tensors, plain values where it has plain ones. */
function fromJson(value: unknown, info: ValueInfo): InputValue {
  switch (info.kind) {
    case 'tensor':
      return toShape(tensorFromJson(value, info.dtype), info);
    case 'tuple':
      return mapArray(value, (item, index) =>
        info.items?.[index] ? fromJson(item, info.items[index]) : (item as InputValue),
      );
    case 'list':
      return mapArray(value, (item) => (info.items?.[0] ? fromJson(item, info.items[0]) : (item as InputValue)));
    case 'dict':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return value as InputValue;
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromJson(item, info.items![0]!)]));
    case 'any':
      return typeof value === 'object' && value !== null ? tensorFromJson(value) : (value as InputValue);
    default:
      return value as InputValue;
  }
}

function mapArray(value: unknown, map: (item: unknown, index: number) => InputValue): InputValue {
  return Array.isArray(value) ? value.map(map) : (value as InputValue);
}

/** A bare number for an input of shape [1] or [1, 1] is one of that shape. */
function toShape(tensor: Tensor, info: ValueInfo): Tensor {
  const { shape } = info;
  if (tensor.shape.length > 0 || shape === null || shape.length === 0) return tensor;
  if (!shape.every((dim) => typeof dim !== 'number' || dim === 1)) return tensor;
  return new Tensor(
    tensor.dtype,
    tensor.data as TensorData as never,
    shape.map(() => 1),
  );
}
