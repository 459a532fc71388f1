import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { withProgress } from './progress.mjs';
import { runCommand } from './run-command.mjs';
import { ROOT } from './step.mjs';

/**
 * Installs the packages of package-lock.json.
 *
 * npm keeps its own stamp: the lock file that it writes into node_modules once everything is in place. Reading that one
 * also knows an install that somebody made by hand.
 *
 * @type {import('./step.mjs').Step}
 */
export const deps = {
  name: 'deps',
  without: null,
  async run() {
    if (isInstalled()) return { fresh: true, text: 'node_modules matches package-lock.json' };
    await withProgress(
      'npm ci',
      () => '',
      () =>
        runCommand('npm', ['ci', '--no-audit', '--no-fund'], {
          cwd: ROOT,
          // The install script of onnxruntime-node fetches CUDA libraries; the CPU runtime is in the package.
          env: { ONNXRUNTIME_NODE_INSTALL: 'skip' },
        }),
    );
    return { fresh: false, text: 'node_modules installed' };
  },
};

function isInstalled() {
  const installed = readJson('node_modules/.package-lock.json')?.packages;
  const locked = readJson('package-lock.json')?.packages;
  const manifest = readJson('package.json');
  if (!installed || !locked) return false;
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies'];
  return (
    kinds.every((kind) => isDeepStrictEqual(manifest[kind], locked[''][kind])) &&
    Object.keys(installed).every((path) => locked[path]) &&
    Object.entries(locked).every(([path, { version, optional }]) => {
      // Packages for other platforms are locked but not installed.
      return path === '' || (installed[path] ? installed[path].version === version : optional);
    })
  );
}

/** @param {string} path */
function readJson(path) {
  const file = join(ROOT, path);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}
