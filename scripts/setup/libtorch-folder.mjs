import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ROOT } from './step.mjs';

/** Where `libtorch.mjs` puts what it fetched. `source.json` is written last: with it, the folder is complete. */
export const FETCHED_LIBTORCH = join(ROOT, '.libtorch');

/**
 * @typedef {object} LibtorchFolder
 * @property {string} folder the one that has `lib/` and `include/`
 * @property {string} from who chose it
 */

/**
 * The libtorch that the user points at.
 *
 * @returns {LibtorchFolder | null} null if neither INFERNODE_LIBTORCH nor LIBTORCH is set
 * @throws {Error} if the variable names a folder without libtorch
 */
export function libtorchOfUser() {
  for (const variable of ['INFERNODE_LIBTORCH', 'LIBTORCH']) {
    const given = process.env[variable];
    if (!given) continue;
    const folder = libtorchAt(resolve(given));
    if (!folder) throw new Error(`no libtorch_cpu.so at ${variable}=${given}; correct the variable or unset it`);
    return { folder, from: variable };
  }
  return null;
}

/** @returns {LibtorchFolder | null} the libtorch to build with, if there is one */
export function findLibtorch() {
  return libtorchOfUser() ?? (fetchedSource() ? { folder: FETCHED_LIBTORCH, from: 'npm run libtorch' } : null);
}

/** @returns {{ version: string, from: string, file: string, bytes: number, sha256: string } | null} */
export function fetchedSource() {
  const file = join(FETCHED_LIBTORCH, 'source.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
}

/**
 * @param {string} path a libtorch folder, or the `lib` folder in it
 * @returns {string | null}
 */
function libtorchAt(path) {
  if (existsSync(join(path, 'lib', 'libtorch_cpu.so'))) return path;
  return basename(path) === 'lib' && existsSync(join(path, 'libtorch_cpu.so')) ? dirname(path) : null;
}
