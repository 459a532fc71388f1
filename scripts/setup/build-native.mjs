import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findLibtorch } from './libtorch-folder.mjs';
import { withProgress } from './progress.mjs';
import { isOnPath, runCommand } from './run-command.mjs';
import { hashInputs, Stamp } from './stamp.mjs';
import { ROOT, Unavailable } from './step.mjs';

const OUT = join(ROOT, 'build', 'Release');

/**
 * Builds the native core, and the torch backend where there is a libtorch to build it against.
 *
 * @type {import('./step.mjs').Step}
 */
export const buildNative = {
  name: 'native',
  without: 'the onnx backend works',
  async run() {
    const libtorch = findLibtorch();
    const stamp = new Stamp(
      ROOT,
      'native',
      hashInputs(ROOT, ['CMakeLists.txt', 'native', 'package-lock.json'], identityOf(libtorch?.folder)),
    );
    if (stamp.matches() && builtLibraries().length >= (libtorch ? 2 : 1)) {
      return { fresh: true, text: builtLibraries().join(', ') };
    }
    checkTools();
    await compile(libtorch?.folder);
    stamp.write();
    return { fresh: false, text: `built ${builtLibraries().join(', ')}${libtorch ? '' : ', without libtorch'}` };
  },
};

/**
 * What tells one libtorch from another without reading its 400 MB.
 *
 * @param {string | undefined} folder
 */
function identityOf(folder) {
  if (!folder) return 'no libtorch';
  const { size, mtimeMs } = statSync(join(folder, 'lib', 'libtorch_cpu.so'));
  return `${folder} ${size} ${mtimeMs}`;
}

function builtLibraries() {
  if (!existsSync(OUT)) return [];
  return readdirSync(OUT).filter((name) => name.endsWith('.node') || name.endsWith('.so'));
}

function checkTools() {
  const compiler = process.env.CXX ?? ['g++', 'clang++', 'c++'].find(isOnPath);
  const generator = ['ninja', 'make'].find(isOnPath);
  if (!compiler || !generator || !isOnPath('cmake')) {
    throw new Unavailable('no compiler or no cmake here; install g++ (12 or newer), cmake and ninja-build');
  }
}

/** @param {string | undefined} libtorch */
async function compile(libtorch) {
  // What this build no longer makes must not be found, and no running process loses the library under it.
  for (const name of builtLibraries()) rmSync(join(OUT, name));
  // Said also where there is none: CMake would keep the folder of the build before.
  const options = ['--out', 'build', '--config', 'Release', `--CDINFERNODE_LIBTORCH=${libtorch ?? 'OFF'}`];
  try {
    await cmakeJs('configure', options);
  } catch {
    // Such as a build folder made for another place or by another CMake.
    await cmakeJs('reconfigure', options);
  }
  await cmakeJs('build', [...options, '--parallel', String(availableParallelism())]);
}

/**
 * @param {'configure' | 'reconfigure' | 'build'} command
 * @param {readonly string[]} options
 */
function cmakeJs(command, options) {
  let at = '';
  return withProgress(
    `native ${command}`,
    () => at,
    () =>
      runCommand(join(ROOT, 'node_modules', '.bin', 'cmake-js'), [command, ...options], {
        cwd: ROOT,
        onOutput: (text) => {
          at = text.match(/\[ *\d+(\/\d+|%)\]/g)?.at(-1) ?? at;
        },
      }),
  );
}
