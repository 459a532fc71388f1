import type { InputValue, Outputs } from '../../backends/backend.js';
import type { InferResult } from '../inference.js';
import type { FailureReason, ModelObserver } from '../observer.js';
import type { QueuedRequest } from './request-queue.js';
import { selectOutputs } from './select-outputs.js';

/** What a request is made of. */
export interface RequestParts extends QueuedRequest {
  /** One value for each input of the method. */
  readonly args: readonly InputValue[];
  readonly method: string;
  /** The outputs that are asked for; undefined for all. */
  readonly outputs: readonly string[] | undefined;
  readonly signal: AbortSignal | undefined;
  readonly hasDeadline: boolean;
}

/** The call of the model that answered a request. */
export interface AnsweringCall {
  /** When it began, by `performance.now()`. */
  readonly startedAt: number;
  readonly computeMs: number;
  readonly batchRows: number;
}

/** A request on its way through the queue and the model. It settles once; what comes later is dropped. */
export class PendingRequest implements RequestParts {
  declare readonly args: readonly InputValue[];
  declare readonly method: string;
  declare readonly rows: number;
  declare readonly key: string | null;
  declare readonly priority: number;
  declare readonly arrivedAt: number;
  declare readonly order: number;
  declare readonly outputs: readonly string[] | undefined;
  declare readonly signal: AbortSignal | undefined;
  declare readonly hasDeadline: boolean;
  readonly result: Promise<InferResult>;
  /** True once it has gone to the model. */
  isRunning = false;
  settled = false;
  /** Is called when it settles. */
  onSettled: (() => void) | undefined;
  readonly #observer: ModelObserver;
  #resolve!: (result: InferResult) => void;
  #reject!: (error: unknown) => void;

  constructor(parts: RequestParts, observer: ModelObserver) {
    Object.assign(this, parts);
    this.#observer = observer;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Answers with the outputs that are asked for. */
  succeed(outputs: Outputs, { startedAt, computeMs, batchRows }: AnsweringCall): void {
    if (this.settled) return;
    let selected: Outputs;
    try {
      selected = selectOutputs(outputs, this.outputs);
    } catch (error) {
      this.fail(error, 'invalid');
      return;
    }
    const queueMs = startedAt - this.arrivedAt;
    this.#settle('success', queueMs);
    this.#resolve({ outputs: selected, timing: { queueMs, computeMs, batchRows } });
  }

  fail(error: unknown, reason: FailureReason): void {
    if (this.settled) return;
    this.#settle(reason, performance.now() - this.arrivedAt);
    this.#reject(error);
  }

  #settle(outcome: 'success' | FailureReason, queueMs: number): void {
    this.settled = true;
    this.onSettled?.();
    this.#observer.onRequest({ outcome, rows: this.rows, queueMs, totalMs: performance.now() - this.arrivedAt });
  }
}
