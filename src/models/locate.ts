import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { ModelFormat } from '../backends/backend.js';
import type { ModelConfig } from '../config/model-config.js';
import { didYouMean } from '../config/suggest.js';
import { InfernodeError } from '../errors.js';
import { detectFormat } from './format.js';
import {
  isVersionName,
  MODEL_NAMES,
  modelFiles,
  settingsBeside,
  settingsOfFolder,
  versionFolders,
  versionOf,
} from './model-folder.js';
import { type ConfigPlace, readLabelled, readSourceConfig } from './source-config.js';

const DEFAULT_ORDER: readonly ModelFormat[] = ['torchscript', 'aotinductor', 'onnx'];

/** One file that holds the model. */
export interface ModelCandidate {
  readonly file: string;
  readonly format: ModelFormat;
}

/** What a path given as a model stands for. */
export interface ResolvedModel {
  /** Every file that holds this version of the model in an accepted format, the preferred one first; at least one. */
  readonly candidates: readonly ModelCandidate[];
  /** The content of model.json, null if there is none. */
  readonly config: ModelConfig | null;
  readonly configFile: string | null;
  /** The version, null for a file that is in no version folder. */
  readonly version: number | null;
}

export interface ResolveOptions {
  /** The formats to accept, the preferred one first; by default TorchScript, AOTInductor, ONNX. */
  readonly formats?: readonly ModelFormat[];
}

/**
 * Finds the files of a model. `path` is a model file; a model folder, which holds version folders (1, 2, ...) of which the
 * highest counts, and perhaps a model.json; a version folder; or a folder with model.pt, model.pt2 or model.onnx in it.
 * Folders that are not named by a plain positive integer (`01`, `old`) are no versions.
 *
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_FORMAT, INF_MODEL_INVALID (see `detectFormat`) or INF_MODEL_CONFIG
 */
export async function resolveModel(path: string, options: ResolveOptions = {}): Promise<ResolvedModel> {
  const formats = options.formats ?? DEFAULT_ORDER;
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) throw await notFound(path);
  return stats.isDirectory() ? resolveFolder(path, formats) : resolveFile(path, formats);
}

async function resolveFile(file: string, formats: readonly ModelFormat[]): Promise<ResolvedModel> {
  const candidates = await acceptFiles([file], formats, file);
  return { candidates, ...(await settings(settingsBeside(file))), version: versionOf(dirname(file)) };
}

async function resolveFolder(folder: string, formats: readonly ModelFormat[]): Promise<ResolvedModel> {
  const entries = await readdir(folder);
  const newest = (await versionFolders(folder, entries)).at(-1);
  const home = newest === undefined ? folder : join(folder, String(newest));
  const files = modelFiles(home, await readdir(home));
  if (files.length === 0) throw await noModelIn(folder, home, entries);
  const candidates = await acceptFiles(files, formats, home);
  return { candidates, ...(await settings(settingsOfFolder(home))), version: versionOf(home) };
}

async function settings(places: readonly ConfigPlace[]): Promise<Pick<ResolvedModel, 'config' | 'configFile'>> {
  const found = await readSourceConfig(places, null);
  if (found === null) return { config: null, configFile: null };
  return { config: await readLabelled(found, null), configFile: found.file };
}

/**
 * The candidates among `files`, by preference. A broken file is passed over if another one serves.
 *
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_FORMAT, INF_MODEL_INVALID
 */
export async function acceptFiles(
  files: readonly string[],
  formats: readonly ModelFormat[],
  path: string,
): Promise<ModelCandidate[]> {
  const found: ModelCandidate[] = [];
  let failure: unknown;
  for (const file of files) {
    try {
      found.push({ file, format: await detectFormat(file) });
    } catch (error) {
      failure ??= error;
    }
  }
  const accepted = found.filter(({ format }) => formats.includes(format));
  if (accepted.length > 0) return accepted.sort((a, b) => formats.indexOf(a.format) - formats.indexOf(b.format));
  if (failure !== undefined) throw failure;
  const given = found.map(({ file, format }) => `${basename(file)} (${format})`).join(', ');
  throw new InfernodeError(
    'INF_MODEL_FORMAT',
    `${path}: ${given} is not in a format asked for: ${formats.join(', ')}`,
    {
      details: { path, expected: formats.join(', '), given: found.map(({ format }) => format).join(', ') },
    },
  );
}

async function noModelIn(folder: string, home: string, entries: string[]): Promise<InfernodeError> {
  if (home !== folder) {
    const message = `Version ${basename(home)}, the newest of ${folder}, holds none of ${MODEL_NAMES.join(', ')}`;
    return new InfernodeError('INF_MODEL_NOT_FOUND', message, { details: { path: home } });
  }
  const models: string[] = [];
  for (const name of entries.slice(0, 100)) {
    const inner: string[] = await readdir(join(folder, name)).catch(() => []);
    if (inner.some((item) => isVersionName(item) || MODEL_NAMES.includes(item))) models.push(join(folder, name));
  }
  if (models.length > 0) {
    const message = `${folder} is a model repository; give one of its models: ${models.sort().slice(0, 5).join(', ')}`;
    return new InfernodeError('INF_MODEL_FORMAT', message, { details: { path: folder } });
  }
  // Says what the folder is.
  return detectFormat(folder).then(
    () => new InfernodeError('INF_INTERNAL', `${folder} is a folder and a model`),
    (error: InfernodeError) => error,
  );
}

async function notFound(path: string): Promise<InfernodeError> {
  const siblings: string[] = await readdir(dirname(path)).catch(() => []);
  const message = `There is no model at ${path}${didYouMean(basename(path), siblings)}`;
  return new InfernodeError('INF_MODEL_NOT_FOUND', message, { details: { path } });
}
