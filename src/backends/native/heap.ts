import { coreAddon } from './core-addon.js';

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
  const addon = await coreAddon();
  return typeof addon === 'string' ? null : addon.trimHeap;
}
