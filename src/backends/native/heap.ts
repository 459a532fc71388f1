import { packageRequire } from '../../config/package-root.js';
import type { Addon } from './addon.js';
import { knownCore } from './find-core.js';

let trim: Promise<(() => void) | null> | undefined;

/**
 * Gives freed heap back to the system where the add-on loads; without it the C library keeps what a closed model held, for
 * the next one.
 */
export async function trimHeap(): Promise<void> {
  trim ??= findTrim();
  (await trim)?.();
}

async function findTrim(): Promise<(() => void) | null> {
  const { path } = await knownCore();
  try {
    return path === null ? null : (packageRequire(path) as Addon).trimHeap;
  } catch {
    // It worked when it was probed, which may be long ago.
    return null;
  }
}
