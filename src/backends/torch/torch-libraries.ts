import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { addonFolders, type TorchLibrary, torchLibrariesIn } from '../native/addon-folders.js';
import type { LibtorchPlace } from './find-libtorch.js';

/** Every torch backend there is, best first. */
export function torchLibraries(): TorchLibrary[] {
  return addonFolders().flatMap(torchLibrariesIn);
}

/**
 * Those that may work with a libtorch: C++ classes change between minor versions, so a name that says another one is not even
 * tried. One that says nothing is, for the backend itself refuses a libtorch that it was not built for. Where a build with
 * CUDA and one without serve the same libtorch, the one that suits it goes first.
 */
export function fittingLibraries(libraries: readonly TorchLibrary[], place: LibtorchPlace): TorchLibrary[] {
  const wanted = place.version === null ? null : minorVersion(place.version);
  const hasCuda = place.lib !== null && existsSync(join(place.lib, 'libtorch_cuda.so'));
  const fitting = libraries.filter(
    ({ libtorch, cuda }) => (libtorch === null || wanted === null || libtorch === wanted) && (hasCuda || !cuda),
  );
  const origins = new Map(fitting.map(({ origin }, index) => [origin, index]));
  const rank = (library: TorchLibrary) => [
    origins.get(library.origin)!,
    library.libtorch === null ? 1 : 0,
    library.cuda ? 0 : 1,
  ];
  return fitting.sort((a, b) => compare(rank(a), rank(b)));
}

/** `2.13` of `2.13.0+cpu`. */
export function minorVersion(version: string): string {
  return /^\d+\.\d+/.exec(version)?.[0] ?? version;
}

/** `2.13, 2.14`, in the order of versions. */
export function versionsOf(libraries: readonly TorchLibrary[]): string {
  const versions = new Set(libraries.flatMap(({ libtorch }) => libtorch ?? []));
  return [...versions].sort((a, b) => compare(a.split('.').map(Number), b.split('.').map(Number))).join(', ');
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
