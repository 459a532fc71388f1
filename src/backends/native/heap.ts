import { createRequire } from 'node:module';
import type { Addon } from './addon.js';
import { findAddon } from './find-addon.js';
import { probeCore } from './probe.js';

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
  const core = findAddon().files?.core;
  if (core === undefined || !(await probeCore(core)).ok) return null;
  return (createRequire(import.meta.url)(core) as Addon).trimHeap;
}
