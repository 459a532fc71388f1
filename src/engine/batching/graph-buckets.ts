import type { GraphState } from '../../backends/backend.js';

/** The most rows of a bucket that nobody asked for: each costs a recording, and memory. */
const LARGEST = 256;

/**
 * Sizes that batches of a model with CUDA graphs are filled up to, so that each is recorded once: powers of two, and the
 * largest batch itself. At most half of a batch is padding.
 */
export function graphBuckets(maxSize: number): number[] {
  const largest = Math.min(maxSize, LARGEST);
  const buckets: number[] = [];
  for (let rows = 1; rows < largest; rows *= 2) buckets.push(rows);
  return [...buckets, largest];
}

/**
 * Of these sizes, those that some executor has recorded for the model's first method. Filling up to the others would cost time
 * and save none.
 */
export function recordedBuckets(buckets: readonly number[], { executors }: GraphState): number[] {
  const recorded = new Set(executors.flatMap((executor) => executor.recorded.map(rowsOf)));
  return buckets.filter((rows) => recorded.has(rows));
}

/** The rows of a call of method 0 by its signature: the first size of its first tensor; null of another method. */
function rowsOf(signature: string): number | null {
  const rows = /^0\([^[]*\[(\d+)/.exec(signature)?.[1];
  return rows === undefined ? null : Number(rows);
}
