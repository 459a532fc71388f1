import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join, relative } from 'node:path';
import type { InputValue, Signature, ValueInfo } from '../backends/backend.js';
import { isTensorLike } from '../backends/input-errors.js';
import type { ModelConfig } from '../config/model-config.js';
import type { SampleInputs } from '../conversion/build.js';
import { InfernodeError, messageOf } from '../errors.js';
import { findInput, findRoot } from '../processing/find-input.js';
import { type ImageOptions, imageInput, imageProcessing } from '../processing/image-input.js';
import { isPicture, readJsonFile, readValue } from '../processing/input-value.js';

/** One example of what a model will be given. */
export interface Sample {
  /** The path of its file or folder below the calibration folder; for a sample given in memory its number. */
  readonly name: string;
  readonly inputs: SampleInputs;
}

/** An example that is not read yet. */
export interface SampleSource {
  readonly name: string;
  read(): Promise<Sample>;
}

/** What files become samples of. */
export interface SampleSettings {
  readonly signature: Signature;
  readonly config: ModelConfig | null;
  readonly images?: ImageOptions;
}

/**
 * The samples in a folder, by name: pictures; `.npy` files; `.json` files with a value by input name, or the value of the
 * only input; and folders with a file named after each input (`input_ids.npy`), or element of an input (`hc0.0.npy`).
 * Pictures may lie in folders, one for each class. Other files are left alone.
 *
 * @throws InfernodeError INF_CALIBRATION_INVALID for a folder that cannot be read or has no samples
 */
export async function findSamples(folder: string, settings: SampleSettings): Promise<SampleSource[]> {
  const sources: SampleSource[] = [];
  try {
    await collect(folder, folder, settings, sources);
  } catch (cause) {
    if (cause instanceof InfernodeError) throw cause;
    throw invalid(`The calibration folder ${folder} cannot be read: ${messageOf(cause)}`, cause);
  }
  if (sources.length > 0) return sources;
  throw invalid(`${folder} has no samples: pictures, .npy or .json files, or folders with a file for each input`);
}

async function collect(root: string, folder: string, settings: SampleSettings, sources: SampleSource[]): Promise<void> {
  const { inputs } = settings.signature;
  const entries = (await readdir(folder)).sort();
  const named = new Map(
    entries.filter(isReadable).map((entry) => [entry.slice(0, -extname(entry).length), join(folder, entry)]),
  );
  const required = inputs.filter(({ optional }) => !optional);
  const given = new Set(Array.from(named.keys(), (name) => findRoot(settings.signature, name)));
  if (folder !== root && required.length > 0 && required.every(({ name }) => given.has(name))) {
    sources.push(source(relative(root, folder), inputFiles(named, settings.signature), settings));
    return;
  }
  for (const entry of entries) {
    const path = join(folder, entry);
    if ((await stat(path)).isDirectory()) await collect(root, path, settings, sources);
    else if (isReadable(entry)) sources.push(fileSource(relative(root, path), path, settings));
  }
}

/** One value of a sample, and where it is. */
interface InputFile {
  /** Of an input, or the path of an element. */
  readonly input: string;
  readonly info: ValueInfo;
  readonly file: string;
}

function inputFiles(named: ReadonlyMap<string, string>, signature: Signature): InputFile[] {
  const order = signature.inputs.map(({ name }) => name);
  return Array.from(named, ([input, file]) => ({ input, info: findInput(signature, input), file }))
    .filter((each): each is InputFile => each.info !== undefined)
    .sort((a, b) => order.indexOf(findRoot(signature, a.input)!) - order.indexOf(findRoot(signature, b.input)!));
}

function isReadable(file: string): boolean {
  return isPicture(file) || ['.npy', '.json'].includes(extname(file).toLowerCase());
}

function fileSource(name: string, file: string, settings: SampleSettings): SampleSource {
  const { signature, config } = settings;
  const required = signature.inputs.filter(({ optional }) => !optional);
  const only = required.length === 1 ? required[0] : signature.inputs.length === 1 ? signature.inputs[0] : undefined;
  const info = isPicture(file) ? (imageInput(signature, config?.processing?.image) ?? only) : only;
  const alone = info && source(name, [{ input: info.name, info, file }], settings);
  if (extname(file).toLowerCase() === '.json') {
    const named = () => about(name, async () => ({ name, inputs: await readJsonFile(file, signature) }));
    return {
      name,
      read: async () => (alone === undefined || (await hasNames(file, signature)) ? named() : alone.read()),
    };
  }
  if (alone !== undefined) return alone;
  throw invalid(
    `${name}: the model takes ${signature.inputs.map((input) => input.name).join(', ')}; give each sample a folder with a file named after each input, or a .json file with the names as keys`,
  );
}

/** Whether a .json file is an object by input name, not the value of the only input; one that cannot be read is neither. */
async function hasNames(file: string, signature: Signature): Promise<boolean> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const keys = Object.keys(value);
    return keys.length > 0 && keys.every((key) => findInput(signature, key) !== undefined);
  } catch {
    return false;
  }
}

function source(name: string, files: readonly InputFile[], { config, images = {} }: SampleSettings): SampleSource {
  const read = async (): Promise<Sample> => {
    const inputs: Record<string, InputValue> = {};
    for (const { input, info, file } of files) {
      const processing = () => imageProcessing(images, config?.processing?.image, info);
      inputs[input] = await readValue(file, info, processing);
    }
    return { name, inputs };
  };
  return { name, read: () => about(name, read) };
}

async function about(name: string, read: () => Promise<Sample>): Promise<Sample> {
  let sample: Sample;
  try {
    sample = await read();
  } catch (cause) {
    throw invalid(`Sample ${name}: ${messageOf(cause)}`, cause);
  }
  checkFinite(sample);
  return sample;
}

/**
 * A sample with NaN or infinite numbers spoils the ranges of a whole network.
 * @throws InfernodeError INF_CALIBRATION_INVALID
 */
export function checkFinite({ name, inputs }: Sample): void {
  for (const [input, value] of Object.entries(inputs)) {
    if (!isTensorLike(value) || (value.dtype !== 'float32' && value.dtype !== 'float64')) continue;
    const index = (value.data as Float32Array).findIndex((number) => !Number.isFinite(number));
    if (index < 0) continue;
    throw invalid(`Sample ${name}: element ${index} of input "${input}" is ${String(value.data[index])}`);
  }
}

export function invalid(message: string, cause?: unknown): InfernodeError {
  return new InfernodeError('INF_CALIBRATION_INVALID', message, { cause });
}
