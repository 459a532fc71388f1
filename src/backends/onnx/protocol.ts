import type { MessagePort } from 'node:worker_threads';
import type { ModelInfo, Signature } from '../backend.js';
import type { Packet, WireError } from './wire.js';

/** What a worker is started with. */
export interface WorkerStart {
  readonly path: string;
  readonly threads: number;
  /** What the model took and gave when it was first loaded; a file that was changed since is refused. */
  readonly expected: Signature | null;
  /** The answers of blocking calls come by this port. */
  readonly syncPort: MessagePort;
  /** Two numbers that both threads see, at {@link ANSWERS} and {@link STATE}. */
  readonly shared: Int32Array;
}

/** Raised by one after each answer of a blocking call, and when the worker ends. */
export const ANSWERS = 0;

/** What the worker does: {@link STARTING}, {@link ALIVE} or {@link ENDED}. */
export const STATE = 1;

export const STARTING = 0;
export const ALIVE = 1;
export const ENDED = 2;

/** To the worker. A packet of calls is, for each call: its id, then one tensor for each input of the model. */
export type Request =
  | { readonly type: 'run'; readonly packet: Packet }
  | { readonly type: 'runSync'; readonly packet: Packet }
  | { readonly type: 'close' };

/**
 * From the worker. A packet of replies is, for each call: its id, then {@link SUCCEEDED} and one tensor for each output
 * of the model, or {@link FAILED} and an error. Answers of blocking calls are bare packets.
 */
export type Response =
  | { readonly type: 'loaded'; readonly info: ModelInfo }
  | { readonly type: 'loadFailed'; readonly error: WireError }
  | { readonly type: 'replies'; readonly packet: Packet; readonly millisecondsPerCall: number };

export const FAILED = 0;
export const SUCCEEDED = 1;
