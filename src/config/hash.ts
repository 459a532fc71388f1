import { createHash } from 'node:crypto';

/** A short hash of anything that JSON can say. */
export function hashOf(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}
