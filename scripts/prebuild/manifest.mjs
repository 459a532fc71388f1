import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, runCommand } from '../setup/run-command.mjs';
import { listFiles } from '../setup/stamp.mjs';
import { ROOT } from '../setup/step.mjs';
import { demandsOf } from './audit.mjs';

const NAME = 'manifest.json';

/**
 * Says where every binary of a folder comes from; the package checks the hashes before it loads one.
 *
 * @param {string} folder
 * @param {readonly import('./libtorchs.mjs').BuildLibtorch[]} libtorchs
 * @returns {Promise<string[]>} the names of the binaries
 */
export async function writeManifest(folder, libtorchs) {
  /** @type {Record<string, object>} */
  const files = {};
  for (const name of listFiles(folder).filter((file) => file !== NAME)) {
    const minor = /-(\d+\.\d+)/.exec(name)?.[1];
    const libtorch = libtorchs.find((candidate) => candidate.minor === minor)?.version;
    const { versions, libraries } = await demandsOf(join(folder, name));
    files[name] = {
      ...hashOf(join(folder, name)),
      ...(libtorch ? { libtorch } : {}),
      needs: [...libraries, ...versions],
    };
  }
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const built = { commit: await commit(), compiler: await firstLine('g++'), cmake: await firstLine('cmake') };
  writeFileSync(join(folder, NAME), `${JSON.stringify({ version, built, files }, null, 2)}\n`);
  return Object.keys(files);
}

/**
 * Holds the binaries of a folder against its manifest.
 *
 * @param {string} folder
 * @param {string} version of the package
 * @returns {string[]} what is wrong
 */
export function checkManifest(folder, version) {
  const path = join(folder, NAME);
  if (!existsSync(path)) return ['there is no manifest.json: npm run prebuild'];
  const manifest = JSON.parse(readFileSync(path, 'utf8'));
  const names = listFiles(folder).filter((file) => file !== NAME);
  return [
    ...(manifest.version === version ? [] : [`it is of version ${manifest.version}: npm run prebuild`]),
    ...Object.keys(manifest.files)
      .filter((name) => !names.includes(name))
      .map((name) => `${name} is missing`),
    ...names
      .filter((name) => manifest.files[name]?.sha256 !== hashOf(join(folder, name)).sha256)
      .map((name) => `${name} is not what the manifest says`),
  ];
}

/** @param {string} path */
function hashOf(path) {
  const content = readFileSync(path);
  return { bytes: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

async function commit() {
  try {
    const hash = (await runCommand('git', ['rev-parse', 'HEAD'], { cwd: ROOT })).trim();
    const changed = (await runCommand('git', ['status', '--porcelain'], { cwd: ROOT })).trim() !== '';
    return changed ? `${hash} with changes` : hash;
  } catch (error) {
    if (error instanceof CommandError) return 'unknown';
    throw error;
  }
}

/** @param {string} tool */
async function firstLine(tool) {
  return (await runCommand(tool, ['--version'])).split('\n')[0];
}
