import { AbortWatch } from '../../backends/abort-watch.js';
import type { InputValue, Signature } from '../../backends/backend.js';
import { bindInputs } from '../../backends/bind-inputs.js';
import { abortError, InfernodeError } from '../../errors.js';
import { DEFAULT_PRIORITY, type InferRequest, type InferResult } from '../inference.js';
import { AnswerOrder } from './answer-order.js';
import { bytesOf } from './byte-budget.js';
import { Dispatcher } from './dispatcher.js';
import { PendingRequest } from './pending-request.js';
import { requestRows } from './request-rows.js';
import type { SchedulerParts } from './scheduler-parts.js';
import { joinResults, splitArguments } from './split-request.js';

type Waits = Pick<PendingRequest, 'method' | 'args' | 'rows' | 'key'>;

/** The door to a model: checks requests, lets them wait, and sees to their deadlines, cancellation and order. */
export class Scheduler {
  readonly #parts: SchedulerParts;
  readonly #dispatcher: Dispatcher;
  readonly #aborts = new AbortWatch<PendingRequest>((request, signal) => this.#abort(request, signal));
  readonly #answers = new AnswerOrder();
  #order = 0;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
    this.#dispatcher = new Dispatcher(parts);
  }

  /** Requests and rows that wait. */
  get waiting(): { readonly requests: number; readonly rows: number } {
    const { size, rows } = this.#dispatcher.queue;
    return { requests: size, rows };
  }

  /** Runs a request when its turn comes. @throws InfernodeError */
  infer(method: string, signature: Signature, request: InferRequest): Promise<InferResult> {
    const { session } = this.#parts;
    const arrivedAt = performance.now();
    let args: readonly InputValue[];
    try {
      args = bindInputs(signature, request.inputs, session.info.signatureSource === 'declared');
    } catch (error) {
      this.#refuse('invalid', arrivedAt);
      throw error;
    }
    this.#checkRoom(arrivedAt);
    const bytes = this.#takeBytes(args, arrivedAt);
    const result = this.#place(request, { method, args }, signature, arrivedAt);
    if (bytes > 0) {
      const give = () => this.#parts.budget!.give(bytes);
      result.then(give, give);
    }
    return result;
  }

  /** Finds out what the request may be joined with, and lets it wait. */
  #place(
    request: InferRequest,
    { method, args }: Pick<Waits, 'method' | 'args'>,
    signature: Signature,
    arrivedAt: number,
  ): Promise<InferResult> {
    const { policy } = this.#parts;
    const mayJoin = policy.maxSize > 1 && method === this.#parts.method;
    const joinable = mayJoin ? requestRows(method, signature, args) : null;
    if (joinable === null) return this.#wait(request, { method, args, rows: 1, key: null }, arrivedAt);
    const { rows, key } = joinable;
    if (rows > policy.maxRows) return this.#inParts(request, { method, args, rows, key }, arrivedAt);
    return this.#wait(request, { method, args, rows, key: rows > policy.maxSize ? null : key }, arrivedAt);
  }

  /** Resolves when no request is left. New ones must not come any more. */
  drain(): Promise<void> {
    return this.#dispatcher.drain();
  }

  /** A call of the model never has more rows than the policy allows, however many a request has. */
  async #inParts(request: InferRequest, whole: Waits, arrivedAt: number): Promise<InferResult> {
    const others = new AbortController();
    const signal = request.signal === undefined ? others.signal : AbortSignal.any([request.signal, others.signal]);
    const { maxRows } = this.#parts.policy;
    try {
      const parts = splitArguments(whole.args, whole.rows, maxRows).map((args, index) => {
        const rows = Math.min(maxRows, whole.rows - index * maxRows);
        return this.#wait({ ...request, signal }, { ...whole, args, rows }, arrivedAt);
      });
      return joinResults(await Promise.all(parts));
    } catch (error) {
      others.abort(error);
      throw error;
    }
  }

  #wait(request: InferRequest, waits: Waits, arrivedAt: number): Promise<InferResult> {
    const { policy, observer } = this.#parts;
    const { outputs, signal, priority = DEFAULT_PRIORITY, timeoutMs = policy.timeoutMs } = request;
    const order = this.#order++;
    // What follows a spread would lie in the old generation of the heap, which is collected all at once: so the spread is last.
    const parts = { priority, arrivedAt, order, outputs, signal, hasDeadline: timeoutMs !== null, ...waits };
    const pending = new PendingRequest(parts, observer);
    if (signal?.aborted) pending.fail(abortError(signal, 'The request'), 'cancelled');
    else if (timeoutMs !== null && timeoutMs <= 0) this.#expire(pending);
    else this.#enqueue(pending, timeoutMs);
    return policy.keepOrder ? this.#answers.inOrder(priority, pending.result) : pending.result;
  }

  #enqueue(pending: PendingRequest, timeoutMs: number | null): void {
    const { signal } = pending;
    const timer = timeoutMs === null ? undefined : setTimeout(() => this.#expire(pending), timeoutMs);
    if (signal !== undefined) this.#aborts.add(signal, pending);
    if (timer !== undefined || signal !== undefined) {
      pending.onSettled = () => {
        clearTimeout(timer);
        if (signal !== undefined) this.#aborts.remove(signal, pending);
      };
    }
    this.#dispatcher.add(pending);
  }

  /** The limit is on waiting: a request that runs already ends as it would have. */
  #expire(pending: PendingRequest): void {
    if (pending.isRunning) return;
    const waited = Math.round(performance.now() - pending.arrivedAt);
    const message = `The request waited for ${waited} ms, and its time is over`;
    pending.fail(new InfernodeError('INF_DEADLINE_EXCEEDED', message), 'expired');
    this.#dispatcher.remove(pending);
  }

  #abort(pending: PendingRequest, signal: AbortSignal): void {
    pending.fail(abortError(signal, 'The request'), 'cancelled');
    this.#dispatcher.remove(pending);
  }

  #refuse(outcome: 'invalid' | 'rejected', arrivedAt: number): void {
    const totalMs = performance.now() - arrivedAt;
    this.#parts.observer.onRequest({ outcome, rows: 1, queueMs: 0, totalMs });
  }

  #checkRoom(arrivedAt: number): void {
    const { size } = this.#dispatcher.queue;
    if (size < this.#parts.policy.maxQueue) return;
    throw this.#full(`${size} requests wait already, which is the limit`, arrivedAt);
  }

  /** @returns the bytes that are to be given back when the request has ended */
  #takeBytes(args: readonly InputValue[], arrivedAt: number): number {
    const { budget } = this.#parts;
    if (budget === undefined) return 0;
    const bytes = bytesOf(args);
    if (budget.take(bytes)) return bytes;
    const message = `Requests with ${budget.used} bytes of tensors are under way, and ${bytes} more are above the limit of ${budget.limit}`;
    throw this.#full(message, arrivedAt);
  }

  #full(message: string, arrivedAt: number): InfernodeError {
    this.#refuse('rejected', arrivedAt);
    return new InfernodeError('INF_QUEUE_FULL', message, {
      details: { retryAfterMs: this.#dispatcher.expectedWaitMs },
    });
  }
}
