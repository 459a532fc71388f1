import { hashOf } from './hash.js';
import { packageVersion } from './package-root.js';
import type { SystemInfo } from './system-info.js';

/**
 * A hash of what decides how fast a model is here: the CPU and its features, the cores, and the versions of the libraries.
 * Figures measured in one environment say nothing of another.
 */
export function environmentHash(system: SystemInfo, versions: Readonly<Record<string, string>>): string {
  const { arch, platform, cpu, cores } = system;
  return hashOf(arch, platform, cpu, cores, versions);
}

/** The versions that a result depends on: of this package, of Node.js, and of the runtimes. */
export function libraryVersions(
  backends: readonly { readonly name: string; readonly version: string | null }[],
): Record<string, string> {
  const runtimes = backends.map(({ name, version }) => [
    name === 'torch' ? 'libtorch' : 'onnxruntime',
    version ?? 'none',
  ]);
  return { infernode: packageVersion(), node: process.versions.node, ...Object.fromEntries(runtimes) };
}
