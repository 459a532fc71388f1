import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/**
 * Lists the files of a folder and its subfolders.
 *
 * @param {string} folder
 * @returns {string[]} paths below the folder, in a stable order; none if there is no such folder
 */
export function listFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/**
 * Hashes names and contents, so that a checkout that only touches files changes nothing.
 *
 * @param {string} root
 * @param {readonly string[]} entries files and folders below the root; those that do not exist count as absent
 * @param {string} [extra] anything else that the result depends on
 * @returns {string}
 */
export function hashInputs(root, entries, extra = '') {
  const hash = createHash('sha256').update(extra);
  for (const entry of entries) {
    const path = join(root, entry);
    const isFolder = existsSync(path) && statSync(path).isDirectory();
    const files = isFolder ? listFiles(path).map((file) => join(entry, file)) : existsSync(path) ? [entry] : [];
    for (const file of files) {
      const content = readFileSync(join(root, file));
      hash.update(`\0${file}\0${content.length}\0`).update(content);
    }
  }
  return hash.digest('hex');
}

/** What a step was last done for: a hash of its inputs, kept in `.build/stamps/`. */
export class Stamp {
  #path;
  #hash;

  /**
   * @param {string} root
   * @param {string} step
   * @param {string} hash
   */
  constructor(root, step, hash) {
    this.#path = join(root, '.build', 'stamps', step);
    this.#hash = hash;
  }

  /** @returns {boolean} true if the step was done for exactly these inputs */
  matches() {
    return existsSync(this.#path) && readFileSync(this.#path, 'utf8') === this.#hash;
  }

  /** Call it once the step is done, never before. */
  write() {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, this.#hash);
  }
}
