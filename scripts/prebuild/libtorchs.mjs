import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { verify } from '../setup/download.mjs';
import { findLibtorch } from '../setup/libtorch-folder.mjs';
import { downloadByPip } from '../setup/pip-download.mjs';
import { isOnPath, runCommand } from '../setup/run-command.mjs';
import { ROOT, Unavailable } from '../setup/step.mjs';

/**
 * @typedef {object} BuildLibtorch
 * @property {string} folder has `lib/` and `include/`
 * @property {string} version as its headers say, such as `2.13.0`
 * @property {string} minor such as `2.13`
 * @property {boolean} local whether the local build in `build/` is for it
 */

/** What the package has backends for: the libtorch of setup, and pinned wheels. */
const PINS = JSON.parse(readFileSync(new URL('libtorchs.json', import.meta.url), 'utf8'));

/** What a build needs of a wheel: compiling reads the headers, linking the libraries that the backend names. */
const PARTS = ['torch/include/*', 'torch/lib/libc10.so', 'torch/lib/libtorch_cpu.so', 'torch/lib/libgomp*'];

/**
 * @param {object} options
 * @param {readonly string[]} [options.given] folders of libtorch to build for, instead of the pinned versions
 * @param {boolean} [options.atHand] leaves out the pinned versions that would have to be fetched
 * @returns {Promise<BuildLibtorch[]>} one for each minor version
 */
export async function librariesToBuildFor({ given, atHand = false }) {
  const local = findLibtorch()?.folder;
  if (!given && !local) throw new Unavailable('no libtorch to build for: npm run libtorch, or give --libtorch DIR');
  const folders = given ? given.map(homeOf) : [];
  for (const pin of given ? [] : PINS) {
    if (pin.setup) folders.push(local ?? '');
    else if (!atHand || existsSync(folderOf(pin))) folders.push(await fetched(pin));
  }
  const found = folders.map((folder) => {
    const version = versionOf(folder);
    return { folder, version, minor: version.split('.').slice(0, 2).join('.'), local: folder === local };
  });
  return found.filter(({ minor }, at) => found.findIndex((other) => other.minor === minor) === at);
}

/** The versions that a published package must have, such as `2.13`. */
export function pinnedMinors() {
  return PINS.map((/** @type {{ version: string }} */ { version }) => version.split('.').slice(0, 2).join('.'));
}

/** @param {string} path */
function homeOf(path) {
  const folder = resolve(path);
  return basename(folder) === 'lib' ? dirname(folder) : folder;
}

/** @param {string} folder */
function versionOf(folder) {
  const header = ['torch/headeronly/version.h', 'torch/csrc/api/include/torch/version.h']
    .map((file) => join(folder, 'include', file))
    .find((file) => existsSync(file));
  if (!header)
    throw new Unavailable(`${folder} is no libtorch with headers: it has no include/torch/headeronly/version.h`);
  const text = readFileSync(header, 'utf8');
  const part = (/** @type {string} */ name) => new RegExp(`#define TORCH_VERSION_${name} (\\d+)`).exec(text)?.[1];
  return `${part('MAJOR')}.${part('MINOR')}.${part('PATCH')}`;
}

/** @param {{ version: string }} pin */
function folderOf({ version }) {
  return join(ROOT, '.build', 'prebuild', `libtorch-${version}`);
}

/**
 * The headers and libraries of a pinned wheel, kept for the next time.
 *
 * @param {{ version: string, file: string, bytes: number, sha256: string }} pin
 */
async function fetched(pin) {
  const folder = folderOf(pin);
  const work = dirname(folder);
  if (existsSync(folder)) return folder;
  if (!isOnPath('unzip')) throw new Unavailable('unzip not found; install unzip');
  mkdirSync(work, { recursive: true });
  const wheel = join(work, pin.file);
  if (!existsSync(wheel)) {
    const reason = await downloadByPip(pin, work);
    if (reason !== null) throw new Unavailable(`${reason}; or give the folders: npm run prebuild -- --libtorch DIR`);
  }
  await verify(wheel, pin);
  const scratch = `${folder}.part`;
  rmSync(scratch, { recursive: true, force: true });
  await runCommand('unzip', ['-q', wheel, ...PARTS, '-d', scratch]);
  renameSync(join(scratch, 'torch'), folder);
  rmSync(scratch, { recursive: true });
  rmSync(wheel);
  return folder;
}
