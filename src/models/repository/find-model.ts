import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { RawConfig } from '../../config/model-config.js';
import { InfernodeError, messageOf } from '../../errors.js';
import { confine } from '../confine.js';
import { CONFIG_NAME, MODEL_NAMES, modelFiles, settingsBeside, versionFolders } from '../model-folder.js';
import { labelsFile, readSourceConfig, type SourceConfig } from '../source-config.js';
import type { ModelSource, VersionSource } from './model-source.js';
import { filesBelow, stampFiles } from './stamp.js';

/**
 * Looks at a model folder: version folders, or else a model file, which is version 1. Never throws.
 *
 * @param settings instead of every model.json
 */
export function scanModelFolder(
  name: string,
  folder: string,
  root: string | null,
  settings?: RawConfig,
): Promise<ModelSource> {
  return describing(name, folder, async () => {
    await confine(folder, root);
    const entries = await readdir(folder);
    const config = await settingsOf(folder, root, settings);
    const numbers = await versionFolders(folder, entries);
    const versions =
      numbers.length > 0
        ? await Promise.all(
            numbers.map((version) => versionFolder(version, join(folder, String(version)), root, config, settings)),
          )
        : await flatFolder(folder, entries, root, config);
    return {
      versions,
      selection: config?.raw.versions ?? 'latest',
      isEmpty: versions.length === 0,
      isModel: versions.length > 0 || config !== null,
      problem:
        versions.length > 0 ? null : notFound(`${folder} has no version folder and none of ${MODEL_NAMES.join(', ')}`),
    };
  });
}

/** Looks at a model that is a file, or the same model in files of several formats. Never throws. */
export function scanModelFile(
  name: string,
  files: readonly string[],
  root: string | null,
  settings?: RawConfig,
): Promise<ModelSource> {
  const path = files[0]!;
  return describing(name, path, async () => {
    const given = settings && { raw: settings, file: join(dirname(path), CONFIG_NAME) };
    const config = given ?? (await readSourceConfig(settingsBeside(path), root));
    const stem = `${basename(path, extname(path))}.`;
    const siblings = (await readdir(dirname(path))).filter((sibling) => sibling.startsWith(stem) && !isConfig(sibling));
    const own = siblings.sort().map((sibling) => join(dirname(path), sibling));
    return { versions: [await source(1, path, files, root, config, own)] };
  });
}

async function describing(name: string, path: string, look: () => Promise<Partial<ModelSource>>): Promise<ModelSource> {
  const nothing = {
    name,
    path,
    versions: [],
    selection: 'latest',
    problem: null,
    isEmpty: false,
    isModel: true,
  } as const;
  try {
    return { ...nothing, ...(await look()) };
  } catch (error) {
    if (error instanceof InfernodeError) return { ...nothing, problem: error };
    return { ...nothing, problem: notFound(`${path} cannot be read: ${messageOf(error)}`, error) };
  }
}

async function versionFolder(
  version: number,
  folder: string,
  root: string | null,
  shared: SourceConfig | null,
  settings: RawConfig | undefined,
): Promise<VersionSource> {
  const own = settings === undefined ? await settingsOf(folder, root) : null;
  const entries: string[] = await readdir(folder).catch(() => []);
  const files = modelFiles(folder, entries);
  return source(version, folder, files, root, own ?? shared, await filesBelow(folder));
}

async function flatFolder(
  folder: string,
  entries: readonly string[],
  root: string | null,
  config: SourceConfig | null,
): Promise<VersionSource[]> {
  const files = modelFiles(folder, entries);
  return files.length === 0 ? [] : [await source(1, folder, files, root, config, await filesBelow(folder, 1))];
}

/** Those given, as if they stood in the folder's model.json, or what does stand there. */
async function settingsOf(folder: string, root: string | null, given?: RawConfig): Promise<SourceConfig | null> {
  const file = join(folder, CONFIG_NAME);
  return given === undefined ? readSourceConfig([{ file, mayBeOther: false }], root) : { raw: given, file };
}

async function source(
  version: number,
  path: string,
  files: readonly string[],
  root: string | null,
  config: SourceConfig | null,
  watched: readonly string[],
): Promise<VersionSource> {
  const labels = config === null ? null : labelsFile(config);
  const stamps = await stampFiles([...watched.filter((file) => !isConfig(file)), ...(labels === null ? [] : [labels])]);
  // Settings count by what they say, and which versions serve is no matter of any one of them.
  const settings = JSON.stringify({ ...config?.raw, versions: undefined });
  return { version, path, files, root, config, stamp: `${settings}\n${stamps}` };
}

function isConfig(file: string): boolean {
  return basename(file) === CONFIG_NAME;
}

function notFound(message: string, cause?: unknown): InfernodeError {
  return new InfernodeError('INF_MODEL_NOT_FOUND', message, { cause });
}
