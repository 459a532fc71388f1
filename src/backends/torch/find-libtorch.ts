import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { packageRoot } from '../../config/package-root.js';
import { pythonTorch } from './python-torch.js';

/** One place where libtorch may be. */
export interface LibtorchPlace {
  /** Who named it: `INFERNODE_LIBTORCH`, `python3`, ... */
  readonly source: string;
  readonly path: string;
  /** The folder of the libraries, null if libtorch is not there. */
  readonly lib: string | null;
  readonly version: string | null;
  readonly reason: string;
  /** What to do about a place that the user named and that is none. */
  readonly fix?: string;
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
      const place = lookInto(source, path);
      yield place.lib === null ? { ...place, fix: fixOfNamed(place) } : place;
      return;
    }
  }
  const local = new Set([resolve('.libtorch'), join(packageRoot, '.libtorch')]);
  for (const path of local) yield lookInto('.libtorch', path);
  const python = await pythonTorch();
  yield python.path === null
    ? { source: 'python3', path: 'torch', lib: null, version: null, reason: python.reason }
    : lookInto('python3', python.path);
  for (const path of ['/usr/local/libtorch', '/usr/lib/libtorch']) yield lookInto('known folder', path);
}

/** The libraries of a libtorch that are there, in the order in which they are opened. */
export function librariesOf(lib: string): string[] {
  return LIBRARIES.map((name) => join(lib, name)).filter((file) => existsSync(file));
}

/** A folder above libtorch is what people name most often instead of it. */
function fixOfNamed({ source, path }: LibtorchPlace): string {
  const inside = ['torch', 'libtorch'].map((name) => join(path, name)).find((folder) => libOf(folder) !== undefined);
  if (inside !== undefined) return `name ${inside} instead, which is a libtorch`;
  return source.startsWith('option') ? `correct the ${source}, or leave it out` : `correct ${source}, or unset it`;
}

function libOf(home: string): string | undefined {
  return [join(home, 'lib'), home].find((folder) => existsSync(join(folder, 'libtorch_cpu.so')));
}

function lookInto(source: string, path: string): LibtorchPlace {
  const home = resolve(path);
  const lib = libOf(home);
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
