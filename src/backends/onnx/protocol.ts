import type { MessagePort } from 'node:worker_threads';
import type { ModelInfo, Signature } from '../backend.js';
import type { Packet, WireError } from './wire.js';

/** What a worker is started with. */
export interface WorkerStart {
  /** The answers of blocking calls come by this port. */
  readonly syncPort: MessagePort;
  /** Numbers that both threads see, at the places below. */
  readonly shared: Int32Array;
}

/** Where {@link WorkerStart.shared} counts answers of blocking calls; raised once more when the worker ends. */
export const ANSWERS = 0;

/** Where it tells the worker's state: {@link STARTING}, {@link ALIVE} or {@link ENDED}. */
export const STATE = 1;

/** Where it counts what the runtime is doing at the moment. */
export const WORK = 2;

/** Where 1 tells the worker to begin no more work. */
export const STOP = 3;

export const SHARED_BYTES = 4 * Int32Array.BYTES_PER_ELEMENT;

export const STARTING = 0;
export const ALIVE = 1;
export const ENDED = 2;

/** The model that a worker shall hold. */
export interface LoadRequest {
  readonly type: 'load';
  readonly path: string;
  readonly threads: number;
  /** What the model took and gave when it was first loaded; a file that was changed since is refused. */
  readonly expected: Signature | null;
}

/**
 * To the worker, which holds one model after another: `load`, then any number of calls, then `close`; or `end`. A packet
 * of calls is, for each call: its id, then one tensor for each input of the model.
 */
export type Request =
  | LoadRequest
  | { readonly type: 'run'; readonly packet: Packet }
  | { readonly type: 'runSync'; readonly packet: Packet }
  /** Frees the model. Also sent after a failed load, when no call of that model can follow any more. */
  | { readonly type: 'close' }
  | { readonly type: 'end' }
  /** For tests: the worker dies of an uncaught error. */
  | { readonly type: 'crash' };

/**
 * From the worker. A packet of replies is, for each call: its id, then {@link SUCCEEDED} and one tensor for each output
 * of the model, or {@link FAILED} and an error. Answers of blocking calls are bare packets.
 */
export type Response =
  | { readonly type: 'loaded'; readonly info: ModelInfo }
  | { readonly type: 'loadFailed'; readonly error: WireError }
  | { readonly type: 'replies'; readonly packet: Packet; readonly millisecondsPerCall: number }
  /** The last word about a model. */
  | { readonly type: 'closed' };

export const FAILED = 0;
export const SUCCEEDED = 1;
