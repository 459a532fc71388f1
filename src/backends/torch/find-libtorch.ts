import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { packageRoot } from '../../config/package-root.js';

const execFileAsync = promisify(execFile);

/** One place where libtorch may be. */
export interface LibtorchPlace {
  /** Who named it: `INFERNODE_LIBTORCH`, `python3`, ... */
  readonly source: string;
  readonly path: string;
  /** The folder of the libraries, null if libtorch is not there. */
  readonly lib: string | null;
  readonly version: string | null;
  readonly reason: string;
}

/** What a backend needs opened before it, in this order. The CUDA ones only exist in a CUDA build. */
const LIBRARIES = ['libc10.so', 'libtorch_cpu.so', 'libc10_cuda.so', 'libtorch_cuda.so', 'libtorch.so'];

/**
 * The places where libtorch is looked for, best first: the option, INFERNODE_LIBTORCH, LIBTORCH, `.libtorch/` in the working
 * folder and in this package, the torch of `python3`, known folders. A place that the user named ends the search: falling
 * back from it silently would run a libtorch that nobody asked for.
 */
export async function* findLibtorch(option?: string): AsyncGenerator<LibtorchPlace> {
  const named: [string, string | undefined][] = [
    ['option libtorch', option],
    ['INFERNODE_LIBTORCH', process.env.INFERNODE_LIBTORCH],
    ['LIBTORCH', process.env.LIBTORCH],
  ];
  for (const [source, path] of named) {
    if (path) {
      yield lookInto(source, path);
      return;
    }
  }
  const local = new Set([resolve('.libtorch'), join(packageRoot, '.libtorch')]);
  for (const path of local) yield lookInto('.libtorch', path);
  const python = await pythonTorch();
  yield python === null
    ? { source: 'python3', path: 'torch', lib: null, version: null, reason: 'python3 has no torch package' }
    : lookInto('python3', python);
  for (const path of ['/usr/local/libtorch', '/usr/lib/libtorch']) yield lookInto('known folder', path);
}

/** The libraries of a libtorch that are there, in the order in which they are opened. */
export function librariesOf(lib: string): string[] {
  return LIBRARIES.map((name) => join(lib, name)).filter((file) => existsSync(file));
}

function lookInto(source: string, path: string): LibtorchPlace {
  const home = resolve(path);
  const lib = [join(home, 'lib'), home].find((folder) => existsSync(join(folder, 'libtorch_cpu.so')));
  if (lib === undefined) {
    const reason = existsSync(home) ? 'no lib/libtorch_cpu.so in it' : 'no such folder';
    return { source, path: home, lib: null, version: null, reason };
  }
  const version = readVersion(lib);
  return { source, path: home, lib, version, reason: `libtorch ${version ?? 'of unknown version'}` };
}

/** As the download, the official archive and the Python package write it down. */
function readVersion(home: string): string | null {
  for (const folder of [home, dirname(home)]) {
    const source = read(join(folder, 'source.json'));
    if (source !== null) return /"version": *"([^"]+)"/.exec(source)?.[1] ?? null;
    const build = read(join(folder, 'build-version'));
    if (build !== null) return build.trim();
    const python = read(join(folder, 'version.py'))?.match(/__version__ = '([^']+)'/);
    if (python) return python[1]!;
  }
  return null;
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

/** Finds the package without importing it, which would take a second and start Python threads. */
async function pythonTorch(): Promise<string | null> {
  const script =
    'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")';
  try {
    const { stdout } = await execFileAsync('python3', ['-c', script], { timeout: 10_000 });
    return stdout.trim() || null;
  } catch {
    return null;
  }
}
