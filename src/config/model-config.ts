import { dirname, resolve } from 'node:path';
import { InfernodeError, messageOf } from '../errors.js';
import { DTYPES, type DType } from '../tensor/dtype.js';
import { type BatchingConfig, batching } from './batching.js';
import { type ImageProcessing, image } from './image-processing.js';
import { readLabels } from './labels.js';
import { array, boolean, type Check, integer, object, oneOf, type Place, reject, text } from './schema.js';

/** The precisions a model can be asked to run in. */
export const PRECISIONS = ['auto', 'fp32', 'tf32', 'bf16', 'fp16', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** What model.json says of one input or output. */
export interface ValueConfig {
  readonly name: string;
  readonly dtype?: DType;
  /** A number, a name shared by sizes that must be equal, or null for any size. */
  readonly shape?: readonly (number | string | null)[];
}

/** How bytes become inputs, and outputs become answers. */
export interface ProcessingConfig {
  readonly image?: ImageProcessing;
  /** The label of class 0 first. A file named in model.json has been read. */
  readonly labels?: readonly string[];
  /** Whether scores go through softmax; by default they do unless they already are probabilities. */
  readonly softmax?: boolean;
}

/** Which versions of a model serve: the newest or the newest few, all, or those of a list. */
export type VersionSelection = 'latest' | 'all' | readonly number[] | { readonly latest: number };

/** The content of a `model.json`. All of it is optional: what is left out is derived from the model itself. */
export interface ModelConfig {
  /** Names, dtypes and shapes, in the order the model takes them. */
  readonly inputs?: readonly ValueConfig[];
  /** Names, dtypes and shapes, in the order the model gives them. */
  readonly outputs?: readonly ValueConfig[];
  readonly processing?: ProcessingConfig;
  /** `auto` by default. */
  readonly precision?: Precision;
  /** The runtime to prefer. */
  readonly backend?: 'torch' | 'onnx';
  /** Intra-op threads of one call. */
  readonly threads?: number;
  /** How the model lies in memory. */
  readonly layout?: { readonly channelsLast?: boolean; readonly fuse?: boolean };
  /** Copies of the model that run side by side; 1 by default. */
  readonly instances?: number;
  readonly batching?: BatchingConfig;
  /** The versions that a server serves, `latest` by default. */
  readonly versions?: VersionSelection;
  /** Runs on made-up inputs before the model answers; 0 by default. In the file also true, for 1, or false, for 0. */
  readonly warmup?: number;
}

/** The config as it stands in the file: labels may be the name of a file. */
export type RawConfig = Omit<ModelConfig, 'processing'> & {
  processing?: Omit<ProcessingConfig, 'labels'> & { labels?: readonly string[] | string };
};

const dim: Check<number | string | null> = (value, place) => {
  if (value === null || (typeof value === 'string' && value !== '')) return value;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  // -1 is how Triton and ONNX exporters write "any".
  return value === -1 ? null : reject(place, 'a size, a name, or null for any size', value);
};

const valueFields = object<Required<ValueConfig>>({
  name: text,
  dtype: oneOf(Object.keys(DTYPES) as DType[]),
  shape: array(dim, 'an array of sizes'),
});

const value: Check<ValueConfig> = (given, place) => {
  const fields = valueFields(given, place);
  if (fields.name === undefined) return reject(place, 'an object with a name', given);
  return { ...fields, name: fields.name };
};

const values: Check<ValueConfig[]> = (given, place) => {
  const list = array(value, 'an array of {name, dtype, shape}')(given, place);
  list.forEach(({ name }, index) => {
    if (list.findIndex((other) => other.name === name) < index) {
      reject({ ...place, path: `${place.path}[${index}].name` }, 'unique', name);
    }
  });
  return list;
};

const labels: Check<readonly string[] | string> = (given, place) =>
  typeof given === 'string'
    ? text(given, place)
    : array(text, 'an array of labels or the path of a file')(given, place);

const warmup: Check<number> = (given, place) => (typeof given === 'boolean' ? Number(given) : integer(0)(given, place));

const versionList = array(integer(1), 'a list of versions');
const newest = object<{ latest: number }>({ latest: integer(1) });

const versions: Check<VersionSelection> = (given, place) => {
  if (given === 'latest' || given === 'all') return given;
  if (Array.isArray(given) && given.length > 0) return [...new Set(versionList(given, place))].sort((a, b) => a - b);
  const { latest } = typeof given === 'object' && given !== null && !Array.isArray(given) ? newest(given, place) : {};
  return latest === undefined
    ? reject(place, '"latest", "all", a list of versions, or {latest: n}', given)
    : { latest };
};

const modelConfig = object<Required<RawConfig>>({
  inputs: values,
  outputs: values,
  processing: object<Required<NonNullable<RawConfig['processing']>>>({ image, labels, softmax: boolean }),
  precision: oneOf(PRECISIONS),
  backend: oneOf(['torch', 'onnx']),
  threads: integer(1),
  layout: object<Required<NonNullable<ModelConfig['layout']>>>({ channelsLast: boolean, fuse: boolean }),
  instances: integer(1),
  batching,
  versions,
  warmup,
});

/**
 * Checks the parsed content of a model.json and fills in the defaults of its image processing. A labels file is not read.
 *
 * @param json what `JSON.parse` gave
 * @param file the name that errors carry
 * @throws InfernodeError INF_MODEL_CONFIG, with the file, the JSON path, what was expected and what was given
 */
export function parseModelConfig(json: unknown, file: string): RawConfig {
  return modelConfig(json, { file, path: '', code: 'INF_MODEL_CONFIG' });
}

/**
 * Reads the labels file that a config names, if it does; its path is relative to the folder of `file`.
 *
 * @throws InfernodeError INF_MODEL_CONFIG
 */
export async function withLabels(raw: RawConfig, file: string): Promise<ModelConfig> {
  const { processing, ...rest } = raw;
  if (processing === undefined) return rest;
  const { labels: given, ...other } = processing;
  if (given === undefined) return { ...rest, processing: other };
  const list = typeof given === 'string' ? await labelsOf(given, file) : given;
  return { ...rest, processing: { ...other, labels: list } };
}

async function labelsOf(given: string, file: string): Promise<string[]> {
  const place: Place = { file, path: 'processing.labels', code: 'INF_MODEL_CONFIG' };
  try {
    return await readLabels(resolve(dirname(file), given));
  } catch (cause) {
    throw new InfernodeError(place.code, `${file}: ${place.path}: ${messageOf(cause)}`, {
      cause,
      details: { file, path: place.path, expected: 'a readable .txt or .json file', given },
    });
  }
}
