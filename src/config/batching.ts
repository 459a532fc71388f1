import { array, boolean, integer, number, object } from './schema.js';

/**
 * When requests are put together into one call of the model. A row is one entry of the first dimension; a request may have
 * several.
 */
export interface BatchingConfig {
  /** The most rows in one call; 1 turns batching off. By default it is found out by trying whether rows can be joined. */
  readonly maxSize?: number;
  /** The longest that a request waits for others, in milliseconds; 2 by default. */
  readonly maxDelayMs?: number;
  /**
   * Whether a batch waits only where waiting pays, judged by how fast requests come and what a call costs whatever its size;
   * true by default. Otherwise every batch that is not full waits for `maxDelayMs`.
   */
  readonly adaptive?: boolean;
  /** Sizes, in rows, that are sent at once; others wait for `maxDelayMs`. */
  readonly preferredSizes?: readonly number[];
  /** Sizes, in rows, that batches are filled up to with zeros, so that the model sees few shapes. */
  readonly padTo?: readonly number[];
  /** The most requests that wait; the next is refused. */
  readonly maxQueue?: number;
  /** Milliseconds that a request may wait if it does not say so itself; no limit by default. */
  readonly timeoutMs?: number;
  /** Answers come in the order of the requests; false by default. */
  readonly keepOrder?: boolean;
}

const sizes = array(integer(1), 'an array of sizes');

/** Checks `batching` of a model.json. */
export const batching = object<Required<BatchingConfig>>({
  maxSize: integer(1),
  maxDelayMs: number(0),
  adaptive: boolean,
  preferredSizes: sizes,
  padTo: sizes,
  maxQueue: integer(1),
  timeoutMs: number(0),
  keepOrder: boolean,
});
