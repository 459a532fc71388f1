import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { InfernodeError, messageOf } from '../../errors.js';

/** `manifest.json` beside prebuilt binaries; scripts/prebuild writes it, with more about each than is read here. */
interface Manifest {
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string } | undefined>>;
}

const FIX = 'install the package infernode again';

/**
 * Holds a binary against the hash that was published with it. Where its folder has no manifest, it was built here.
 *
 * @param required whether the folder must have a manifest, as that of the package does
 * @throws InfernodeError INF_BINARY_INVALID
 */
export function checkAgainstManifest(path: string, required: boolean): void {
  const manifest = readManifest(join(dirname(path), 'manifest.json'), required);
  if (manifest === null) return;
  const expected = manifest.files[basename(path)];
  if (expected === undefined) throw invalid(path, 'is not in the manifest of its folder', {});
  if (!existsSync(path)) throw invalid(path, 'is missing, and was published with the package', {});
  const content = readFileSync(path);
  const given = createHash('sha256').update(content).digest('hex');
  if (given === expected.sha256) return;
  const how =
    content.length === expected.bytes
      ? 'its sha256 is another'
      : `it has ${content.length} bytes instead of ${expected.bytes}`;
  throw invalid(path, `is not the file that was published: ${how}`, { expected: expected.sha256, given });
}

/** The names of the files that a folder was published with, as far as it has a manifest that says so. */
export function publishedFiles(folder: string): string[] {
  try {
    return Object.keys(readManifest(join(folder, 'manifest.json'), false)?.files ?? {});
  } catch {
    return [];
  }
}

function readManifest(path: string, required: boolean): Manifest | null {
  try {
    const manifest = JSON.parse(readFileSync(path, 'utf8')) as Partial<Manifest> | null;
    if (typeof manifest?.files === 'object' && manifest.files !== null) return { files: manifest.files };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !required) return null;
    throw invalid(path, `cannot be read: ${messageOf(error)}`, {});
  }
  throw invalid(path, 'does not say which files there are', {});
}

function invalid(path: string, what: string, details: { expected?: string; given?: string }): InfernodeError {
  return new InfernodeError('INF_BINARY_INVALID', `${path} ${what}; ${FIX}`, { details: { name: path, ...details } });
}
