import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.js';
import type { SystemInfo } from './system-info.js';

/** The version of this package. */
function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * A hash of what decides how fast a model is here: the CPU and its features, the cores, and the versions of the libraries.
 * Figures measured in one environment say nothing of another.
 */
export function environmentHash(system: SystemInfo, versions: Readonly<Record<string, string>>): string {
  const { arch, platform, cpu, cores } = system;
  return createHash('sha256')
    .update(JSON.stringify([arch, platform, cpu, cores, versions]))
    .digest('hex')
    .slice(0, 32);
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
