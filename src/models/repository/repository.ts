import type { Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { RawConfig } from '../../config/model-config.js';
import { InfernodeError, messageOf } from '../../errors.js';
import { scanModelFile, scanModelFolder } from './find-model.js';
import { nameProblem, quoteName } from './model-name.js';
import type { ModelSource } from './model-source.js';

const EXTENSIONS = ['.pt', '.pt2', '.onnx'];
/** Models looked at side by side. */
const AT_ONCE = 16;

/** What the repository has under one name. */
interface Item {
  folder?: string;
  readonly files: string[];
}

/** A folder of models, models by their paths, or both. Everything is read anew at each call: nothing is kept. */
export class Repository {
  /** @param models paths by name; they come before models of the same name in the folder */
  constructor(
    private readonly folder: string | undefined,
    private readonly models: Readonly<Record<string, string>>,
  ) {}

  /**
   * All models in the order of their names. One that is broken says so and stops nobody.
   *
   * @throws InfernodeError INF_MODEL_NOT_FOUND if the folder cannot be read
   */
  async scan(): Promise<ModelSource[]> {
    const { items, root } = await this.list();
    const names = [...new Set([...Object.keys(this.models), ...items.keys()])].sort();
    const sources: ModelSource[] = [];
    const next = names.entries();
    const work = async () => {
      for (const [index, name] of next) sources[index] = await this.look(name, items.get(name), root);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    return sources;
  }

  /**
   * One model, null if there is none of this name.
   *
   * @param settings instead of its model.json
   * @throws InfernodeError INF_MODEL_NOT_FOUND if the folder cannot be read
   */
  async find(name: string, settings?: RawConfig): Promise<ModelSource | null> {
    if (Object.hasOwn(this.models, name)) return this.look(name, undefined, null, settings);
    if (nameProblem(name) !== undefined) return null;
    const { items, root } = await this.list();
    const item = items.get(name);
    return item === undefined ? null : this.look(name, item, root, settings);
  }

  private async look(
    name: string,
    item: Item | undefined,
    root: string | null,
    settings?: RawConfig,
  ): Promise<ModelSource> {
    if (Object.hasOwn(this.models, name)) return lookAt(name, this.models[name]!, settings);
    const { folder, files } = item!;
    const path = folder ?? files[0]!;
    const problem = nameProblem(name);
    if (problem !== undefined) return unusable(quoteName(name).slice(1, -1), path, `its name ${problem}`, false);
    if (folder === undefined) return scanModelFile(name, files, root, settings);
    if (files.length === 0) return scanModelFolder(name, folder, root, settings);
    return unusable(name, path, `there are a folder and a file of this name: ${[folder, ...files].join(', ')}`, true);
  }

  private async list(): Promise<{ items: Map<string, Item>; root: string | null }> {
    const items = new Map<string, Item>();
    if (this.folder === undefined) return { items, root: null };
    let entries: Dirent[];
    let root: string;
    try {
      root = await realpath(this.folder);
      entries = await readdir(this.folder, { withFileTypes: true });
    } catch (cause) {
      const message = `The model repository ${this.folder} cannot be read: ${messageOf(cause)}`;
      throw new InfernodeError('INF_MODEL_NOT_FOUND', message, { cause, details: { path: this.folder } });
    }
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = join(this.folder, entry.name);
      const extension = extname(entry.name);
      if (await isFolder(entry, path)) itemOf(items, entry.name).folder = path;
      else if (EXTENSIONS.includes(extension)) itemOf(items, entry.name.slice(0, -extension.length)).files.push(path);
    }
    for (const { files } of items.values()) files.sort(byPreference);
    return { items, root };
  }
}

/** A path that the user named: nothing confines it. */
async function lookAt(name: string, path: string, settings?: RawConfig): Promise<ModelSource> {
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined) return unusable(name, path, 'it does not exist', true);
  return stats.isDirectory()
    ? scanModelFolder(name, path, null, settings)
    : scanModelFile(name, [path], null, settings);
}

function itemOf(items: Map<string, Item>, name: string): Item {
  const item = items.get(name) ?? { files: [] };
  items.set(name, item);
  return item;
}

async function isFolder(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function byPreference(a: string, b: string): number {
  return EXTENSIONS.indexOf(extname(a)) - EXTENSIONS.indexOf(extname(b));
}

function unusable(name: string, path: string, why: string, isModel: boolean): ModelSource {
  const problem = new InfernodeError('INF_MODEL_NOT_FOUND', `${path} is no model to load: ${why}`, {
    details: { path },
  });
  return { name, path, versions: [], selection: 'latest', problem, isEmpty: false, isModel };
}
