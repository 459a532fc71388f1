import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cacheFolder } from '../../config/cache-folder.js';
import { packageRequire, packageRoot, packageVersion } from '../../config/package-root.js';
import { libcVersion } from '../../config/system-info.js';
import { publishedFiles } from './manifest.js';

/** A folder that may hold native files: the core add-on, torch backends, or both. */
export interface AddonFolder {
  /** `INFERNODE_ADDON`, `local build`, `infernode build` or `prebuilt`. */
  readonly origin: string;
  readonly path: string;
}

/** A torch backend, whose name says what it was built for: `infernode_torch-2.13.glibc.so`. */
export interface TorchLibrary {
  readonly origin: string;
  readonly path: string;
  /** Major and minor version of its libtorch, null where the name does not say. */
  readonly libtorch: string | null;
  /** Whether it was built for a libtorch with CUDA. */
  readonly cuda: boolean;
}

const CORE = /^infernode(\.(?<libc>glibc|musl))?\.node$/;
const TORCH = /^infernode_torch(-(?<libtorch>\d+\.\d+))?(?<cuda>-cuda)?(\.(?<libc>glibc|musl))?\.so$/;

/**
 * The folders of native files, best first: INFERNODE_ADDON, and nothing else if it is set; the local build of a clone or of
 * `infernode build`; what `infernode build` made where the package cannot be written to; the binaries of the package.
 */
export function addonFolders(): AddonFolder[] {
  const named = process.env.INFERNODE_ADDON;
  if (named) return [{ origin: 'INFERNODE_ADDON', path: resolve(named) }];
  return [
    { origin: 'local build', path: localBuilds() },
    { origin: 'infernode build', path: userBuilds() },
    { origin: 'prebuilt', path: join(packageRoot, 'prebuilds', `${process.platform}-${process.arch}`) },
  ];
}

/** Where a clone builds, and `infernode build` where it may. */
export function localBuilds(): string {
  return join(packageRoot, 'build', 'Release');
}

/** Where `infernode build` puts what it made if the package is read-only. Another version of the package looks elsewhere. */
export function userBuilds(): string {
  return join(cacheFolder(), 'builds', packageVersion());
}

/**
 * The core add-on in a folder, null if there is none for this system's C library. One that is missing, though the folder was
 * published with it, counts: to leave it out would hide that the package is not whole.
 */
export function coreIn({ origin, path }: AddonFolder): string | null {
  if (origin === 'local build') return localCore();
  const name = list(path).find((file) => fits(CORE.exec(file)));
  return name === undefined ? null : join(path, name);
}

/** `bindings` knows where each build tool puts what it builds, Debug builds too. */
function localCore(): string | null {
  const bindings = packageRequire('bindings') as (options: object) => string;
  try {
    return bindings({ bindings: 'infernode', module_root: packageRoot, path: true });
  } catch {
    return null;
  }
}

/** The torch backends in a folder, and those that it was published with. */
export function torchLibrariesIn({ origin, path }: AddonFolder): TorchLibrary[] {
  return list(path).flatMap((name) => {
    const match = TORCH.exec(name);
    if (!fits(match)) return [];
    const { libtorch = null, cuda } = match?.groups ?? {};
    return [{ origin, path: join(path, name), libtorch, cuda: cuda !== undefined }];
  });
}

/** The name of a torch backend that was built for this libtorch, without the mark of the C library. */
export function torchLibraryName(libtorch: string): string {
  return `infernode_torch-${libtorch}.so`;
}

/** A file that names a C library is for that one alone. */
function fits(match: RegExpExecArray | null): boolean {
  const libc = match?.groups?.libc;
  return match !== null && (libc === undefined || libcVersion()?.startsWith(libc) === true);
}

function list(folder: string): string[] {
  try {
    return [...new Set([...readdirSync(folder), ...publishedFiles(folder)])].sort();
  } catch {
    return [];
  }
}
