import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { InfernodeError } from '../../errors.js';

/**
 * Finds what a build of the torch backend needs.
 *
 * @returns the generator of CMake to use
 * @throws InfernodeError INF_BUILD_FAILED that names everything that is missing
 */
export function checkBuildTools(): 'Ninja' | 'Unix Makefiles' {
  const generator = isOnPath('ninja') ? 'Ninja' : 'Unix Makefiles';
  const missing = [
    ...(isOnPath('cmake') ? [] : ['cmake 3.20 or newer']),
    ...(process.env.CXX || ['g++', 'clang++', 'c++'].some(isOnPath) ? [] : ['a C++20 compiler (g++ 12 or newer)']),
    ...(generator === 'Ninja' || isOnPath('make') ? [] : ['ninja or make']),
  ];
  if (missing.length === 0) return generator;
  throw new InfernodeError(
    'INF_BUILD_FAILED',
    `The torch backend cannot be built here, which lacks ${missing.join(', ')}; on Debian and Ubuntu: apt-get install g++ cmake ninja-build`,
    { details: { missing } },
  );
}

/** @throws InfernodeError INF_BUILD_FAILED if this libtorch came without its headers */
export function checkHeaders(libtorch: string): void {
  if (existsSync(join(libtorch, 'include', 'torch', 'script.h'))) return;
  throw new InfernodeError(
    'INF_BUILD_FAILED',
    `${libtorch} has no include/torch/script.h: take a libtorch with its headers, such as the archive or the Python package`,
    { details: { name: libtorch } },
  );
}

function isOnPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
