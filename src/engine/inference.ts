import type { Inputs, Outputs } from '../backends/backend.js';

/** How urgent a request may be: from 1, the most urgent, to this. */
export const LEAST_URGENT = 9;
export const DEFAULT_PRIORITY = 5;

/** How to run one request. */
export interface InferOptions {
  /** The method to call; `forward` by default. */
  readonly method?: string;
  /** The outputs to return, in this order; all by default. */
  readonly outputs?: readonly string[];
  /** 1 is the most urgent, 9 the least, 5 the default. Among equals the first comes first. */
  readonly priority?: number;
  /** Milliseconds until the request is worth nothing. One whose time is over before its turn comes is not run. */
  readonly timeoutMs?: number;
  /** Gives the request up: it leaves the queue, or its result is dropped if it runs already. */
  readonly signal?: AbortSignal;
}

/** One request: what goes into a model. */
export interface InferRequest extends InferOptions {
  /** By name or by position. Tensors are not copied and must stay untouched until the promise settles. */
  readonly inputs: Inputs;
}

/** What came out of a model. */
export interface InferResult {
  readonly outputs: Outputs;
  readonly timing: InferTiming;
}

/** Where the time of a request went. */
export interface InferTiming {
  /** Milliseconds from arrival to the start of the call of the model. */
  readonly queueMs: number;
  /** Milliseconds that the model computed in that call, which all requests of a batch share. */
  readonly computeMs: number;
  /** Rows of that call, those of other requests included. */
  readonly batchRows: number;
}
