import type { BatchingConfig } from '../../config/batching.js';
import { InfernodeError } from '../../errors.js';

/** How requests to a model are put together; every choice made. */
export interface BatchPolicy {
  /** The most rows of requests that are joined; 1 if none are. */
  readonly maxSize: number;
  /** The most rows of any call: what the configuration or the model allows, Infinity if neither says. */
  readonly maxRows: number;
  /** Why it is that. */
  readonly reason: string;
  /** Whether `maxSize` is the engine's own choice; then batches may stay smaller where a larger one gains nothing. */
  readonly isDerived: boolean;
  readonly maxDelayMs: number;
  readonly adaptive: boolean;
  /** In ascending order, as `padTo`. */
  readonly preferredSizes: readonly number[];
  readonly padTo: readonly number[];
  /** Requests; Infinity for no limit. */
  readonly maxQueue: number;
  /** Milliseconds; null for no limit. */
  readonly timeoutMs: number | null;
  readonly keepOrder: boolean;
}

/** Whether the rows of several requests can be joined, and why. */
export interface Joinable {
  /** The most rows that the model takes; 1 if it takes one, or if its rows depend on each other. */
  readonly rows: number;
  readonly reason: string;
  /** Whether that is known; else it may take more. */
  readonly isCertain: boolean;
}

/** The most rows of a batch where nobody has said more. */
const DERIVED_ROWS = 32;
const DELAY_MS = 2;

/**
 * The policy of a model: what its configuration says, else what was found out.
 *
 * @param queue the most requests that wait where the configuration does not say
 * @throws InfernodeError INF_MODEL_CONFIG if the sizes contradict each other or the model
 */
export function settlePolicy(config: BatchingConfig, joinable: Joinable, queue: number): BatchPolicy {
  const { maxSize: asked, maxDelayMs = DELAY_MS, adaptive = true, keepOrder = false, timeoutMs = null } = config;
  const largest = Math.max(0, ...(config.padTo ?? []), ...(config.preferredSizes ?? []));
  if (asked !== undefined && asked > joinable.rows && joinable.isCertain) {
    throw wrong(`batching.maxSize is ${asked}, but ${joinable.reason}`);
  }
  const maxSize = asked ?? Math.min(joinable.rows, Math.max(DERIVED_ROWS, largest));
  if (largest > maxSize) throw wrong(`batching has a size of ${largest}, more than the ${maxSize} rows of maxSize`);
  return {
    maxSize,
    maxRows: maxSize === 1 ? Number.POSITIVE_INFINITY : (asked ?? joinable.rows),
    reason: asked === undefined ? joinable.reason : 'as the configuration says',
    isDerived: asked === undefined,
    maxDelayMs,
    adaptive,
    preferredSizes: ascending(config.preferredSizes),
    padTo: ascending(config.padTo),
    maxQueue: config.maxQueue ?? queue,
    timeoutMs,
    keepOrder,
  };
}

/** A configuration that is meant for several models, without the sizes that this one does not take. */
export function limitSizes(config: BatchingConfig, { rows, isCertain }: Joinable): BatchingConfig {
  const { maxSize, preferredSizes, padTo, ...others } = config;
  const fits = (size: number) => size <= rows || !isCertain;
  return {
    ...others,
    ...(maxSize !== undefined && fits(maxSize) && { maxSize }),
    ...(preferredSizes && { preferredSizes: preferredSizes.filter(fits) }),
    ...(padTo && { padTo: padTo.filter(fits) }),
  };
}

/** The rows that a batch of `rows` is filled up to. */
export function paddedRows({ padTo }: BatchPolicy, rows: number): number {
  return padTo.find((size) => size >= rows) ?? rows;
}

function ascending(sizes: readonly number[] = []): number[] {
  return [...new Set(sizes)].sort((a, b) => a - b);
}

function wrong(message: string): InfernodeError {
  return new InfernodeError('INF_MODEL_CONFIG', message);
}
