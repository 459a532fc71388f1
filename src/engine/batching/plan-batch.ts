import type { DispatchReason } from '../observer.js';
import type { BatchPolicy } from './policy.js';

/** What is known when a batch is planned. */
export interface BatchSituation {
  /** Rows of the requests that wait and may be joined, in the order in which they are served; at least one. */
  readonly rows: Iterable<number>;
  /** Milliseconds that the oldest of them has waited. */
  readonly waitedMs: number;
  /** The most rows that are worth joining. */
  readonly usefulRows: number;
  /** Milliseconds of a call that are the same for any number of rows; 0 if unknown. */
  readonly fixedMs: number;
  /** Milliseconds until the next request is expected. */
  readonly gapMs: number;
}

/** How many requests to send now, or how long to wait for more. */
export type BatchPlan =
  | { readonly count: number; readonly rows: number; readonly reason: DispatchReason }
  | { readonly waitMs: number };

/** Decides how many of the waiting requests make the next batch. Never more rows than `policy.maxSize`. */
export function planBatch(policy: BatchPolicy, situation: BatchSituation): BatchPlan {
  const limit = policy.isDerived ? Math.min(policy.maxSize, situation.usefulRows) : policy.maxSize;
  const { count, rows, more, preferred } = fill(situation.rows, limit, policy.preferredSizes);
  if (preferred !== null) return { ...preferred, reason: 'preferred' };
  if (more || rows >= limit) return { count, rows, reason: 'full' };
  const left = policy.maxDelayMs - situation.waitedMs;
  if (left <= 0) return { count, rows, reason: policy.maxDelayMs === 0 ? 'idle' : 'delay' };
  if (!policy.adaptive || policy.preferredSizes.length > 0) return { waitMs: left };
  // One more request costs those that wait, and itself, the time until it comes; it saves the fixed part of a call.
  const worthIt = (count + 1) * situation.gapMs < situation.fixedMs;
  return worthIt ? { waitMs: Math.min(left, 2 * situation.gapMs) } : { count, rows, reason: 'idle' };
}

interface Filling {
  readonly count: number;
  readonly rows: number;
  /** Whether a request was left out because it does not fit. */
  readonly more: boolean;
  /** The largest preferred size among the sums, null if none is. */
  readonly preferred: { readonly count: number; readonly rows: number } | null;
}

function fill(each: Iterable<number>, limit: number, preferredSizes: readonly number[]): Filling {
  let count = 0;
  let rows = 0;
  let preferred: Filling['preferred'] = null;
  for (const next of each) {
    // The first goes in any case: it may have more rows than are worth joining.
    if (count > 0 && rows + next > limit) return { count, rows, more: true, preferred };
    count++;
    rows += next;
    if (preferredSizes.includes(rows)) preferred = { count, rows };
    if (rows >= limit) break;
  }
  return { count, rows, more: false, preferred };
}
