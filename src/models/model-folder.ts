import { stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type { ConfigPlace } from './source-config.js';

/** The names of the model file in a version folder. Formats are told by content, so a `.pt` may hold any of them. */
export const MODEL_NAMES: readonly string[] = ['model.pt', 'model.pt2', 'model.onnx'];

/** The file of a folder's settings. */
export const CONFIG_NAME = 'model.json';

/** A plain positive integer; longer ones are no safe integers. */
const VERSION = /^[1-9]\d{0,14}$/;

/** Whether a folder of this name holds a version, if it stands in a model folder. */
export function isVersionName(name: string): boolean {
  return VERSION.test(name);
}

/** The version that a folder's name says, null if it says none. */
export function versionOf(folder: string): number | null {
  const name = basename(resolve(folder));
  return isVersionName(name) ? Number(name) : null;
}

/** The versions of a model folder with these entries, in ascending order. */
export async function versionFolders(folder: string, entries: readonly string[]): Promise<number[]> {
  const numbers: number[] = [];
  for (const name of entries.filter(isVersionName)) {
    const stats = await stat(join(folder, name)).catch(() => undefined);
    if (stats?.isDirectory()) numbers.push(Number(name));
  }
  return numbers.sort((a, b) => a - b);
}

/** The model files of a folder with these entries. */
export function modelFiles(folder: string, entries: readonly string[]): string[] {
  return MODEL_NAMES.filter((name) => entries.includes(name)).map((name) => join(folder, name));
}

/** Where a folder's settings may stand: in its own model.json, and for a version folder in that of the model folder. */
export function settingsOfFolder(folder: string): ConfigPlace[] {
  const folders = versionOf(folder) === null ? [folder] : [folder, dirname(resolve(folder))];
  return folders.map((place) => ({ file: join(place, CONFIG_NAME), mayBeOther: false }));
}

/**
 * Where a model file's settings may stand: where those of its folder do if it is called `model.*` or stands in a version
 * folder; and before that, unless it is called `model.*`, in `<name>.json` beside it.
 */
export function settingsBeside(file: string): ConfigPlace[] {
  const folder = dirname(file);
  const stem = basename(file, extname(file));
  const places = settingsOfFolder(folder);
  if (stem === 'model') return places;
  return [{ file: join(folder, `${stem}.json`), mayBeOther: true }, ...(versionOf(folder) === null ? [] : places)];
}
