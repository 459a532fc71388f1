import { abortError, InfernodeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { AbortWatch } from '../abort-watch.js';
import type { Inputs, ModelInfo, Outputs, Session, SessionOptions, Signature } from '../backend.js';
import { bindInputs } from '../bind-inputs.js';
import type { Call } from './calls-in-flight.js';
import { checkTensors, explainFailure } from './checks.js';
import { areLarge, copyInTurns } from './copy-in-turns.js';
import { ModelThread, type ThreadOwner } from './model-thread.js';

/** Calls in one message: enough to spread its cost, few enough that both threads work at once. */
const CALLS_PER_MESSAGE = 32;

/** Messages under way: while the worker runs one, the next is there. */
const MESSAGES = 3;

/** The worker is given this much work ahead; a call that waits here instead is aborted at no cost. */
const WORK_AHEAD_MS = 2;

interface QueuedCall extends Call {
  readonly signal: AbortSignal | undefined;
}

/** Closes the models of sessions that were dropped without `close`. */
const dropped = new FinalizationRegistry<ModelThread>((thread) => void thread.close());

/** A model that a worker thread runs. Calls overlap up to the worker, which runs them one by one. */
export class OnnxSession implements Session {
  readonly info: ModelInfo;
  readonly #path: string;
  readonly #signature: Signature;
  /** Undefined after a crash, until the next call. */
  #thread: ModelThread | undefined;
  readonly #waiting = new Set<QueuedCall>();
  readonly #aborts = new AbortWatch<QueuedCall>((call, signal) => this.#abort(call, signal));
  readonly #owner: ThreadOwner = {
    onReplies: (millisecondsPerCall) => this.#onReplies(millisecondsPerCall),
    onEnd: (thread, error) => this.#onEnd(thread, error),
  };
  #flushScheduled = false;
  /** Calls whose inputs are being copied. */
  #copying = 0;
  #millisecondsPerCall = 0.1;
  #closed: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;

  /**
   * Loads a model into a worker thread of its own.
   * @throws InfernodeError INF_MODEL_*, INF_INPUT_DTYPE, INF_OUTPUT_UNSUPPORTED, INF_OUT_OF_MEMORY, INF_BACKEND_*
   */
  static async open(path: string, { threads }: SessionOptions): Promise<OnnxSession> {
    const thread = new ModelThread(path, threads, null);
    try {
      return new OnnxSession(path, await thread.loaded, thread);
    } catch (error) {
      // A caller that tries the next file at once finds the worker free.
      await thread.close();
      throw error;
    }
  }

  private constructor(path: string, info: ModelInfo, thread: ModelThread) {
    this.#path = path;
    this.info = info;
    this.#signature = info.methods.forward!;
    this.#adopt(thread);
  }

  async run(method: string, inputs: Inputs, signal?: AbortSignal): Promise<Outputs> {
    const tensors = this.#bind(method, inputs);
    if (!areLarge(tensors)) return this.#enqueue(tensors, false, signal);
    this.#copying++;
    try {
      const copies = await copyInTurns(tensors);
      return this.#enqueue(copies, true, signal);
    } finally {
      this.#copying--;
      this.#checkDrained();
    }
  }

  #enqueue(tensors: readonly Tensor[], owned: boolean, signal: AbortSignal | undefined): Promise<Outputs> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw abortError(signal, 'The call');
      const settle = () => {
        if (signal !== undefined) this.#aborts.remove(signal, call);
      };
      const call: QueuedCall = {
        inputs: tensors,
        owned,
        signal,
        resolve(outputs) {
          settle();
          resolve(outputs);
        },
        reject: (error) => {
          settle();
          reject(explainFailure(this.#signature, tensors, error));
        },
      };
      if (signal !== undefined) this.#aborts.add(signal, call);
      this.#waiting.add(call);
      this.#scheduleFlush();
    });
  }

  runSync(method: string, inputs: Inputs): Outputs {
    const tensors = this.#bind(method, inputs);
    try {
      return this.#liveThread().runSync(tensors);
    } catch (error) {
      throw error instanceof InfernodeError ? explainFailure(this.#signature, tensors, error) : error;
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#drainAndClose();
    return this.#closed;
  }

  /** Makes the worker die of an uncaught error. For tests. */
  async crash(): Promise<void> {
    await this.#thread?.crash();
  }

  /** Ends the idle worker without a word to it. For tests. */
  async terminate(): Promise<void> {
    await this.#thread?.terminate();
  }

  #bind(method: string, inputs: Inputs): readonly Tensor[] {
    if (this.#closed !== undefined) throw new InfernodeError('INF_MODEL_CLOSED', 'The model has been closed');
    if (method !== 'forward') {
      throw new InfernodeError('INF_METHOD_UNKNOWN', `An ONNX model has the method "forward" only, not "${method}"`, {
        details: { name: method, expected: 'forward', given: method },
      });
    }
    return checkTensors(this.#signature, bindInputs(this.#signature, inputs, true));
  }

  /** Runs after the promise jobs at hand, so that calls made in one turn share messages. */
  #scheduleFlush(): void {
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    process.nextTick(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    try {
      this.#sendWaiting();
    } catch (cause) {
      // The system gives no further thread.
      const error = new InfernodeError('INF_BACKEND_CRASHED', `No worker thread for ${this.#path}`, { cause });
      for (const call of this.#take(Number.POSITIVE_INFINITY)) call.reject(error);
    }
    this.#checkDrained();
  }

  #sendWaiting(): void {
    const limit = Math.max(2, Math.round(WORK_AHEAD_MS / this.#millisecondsPerCall));
    while (this.#waiting.size > 0) {
      const thread = this.#liveThread();
      const room = Math.min(CALLS_PER_MESSAGE, limit - thread.inFlight);
      if (room <= 0 || thread.packets >= MESSAGES) return;
      thread.send(this.#take(room));
    }
  }

  *#take(count: number): Iterable<Call> {
    for (const call of this.#waiting) {
      if (count-- === 0) return;
      this.#waiting.delete(call);
      yield call;
    }
  }

  #liveThread(): ModelThread {
    this.#thread ?? this.#adopt(new ModelThread(this.#path, this.info.threads, this.#signature));
    return this.#thread!;
  }

  #adopt(thread: ModelThread): void {
    this.#thread = thread;
    thread.owner = new WeakRef(this.#owner);
    dropped.register(this, thread, thread);
  }

  #onReplies(millisecondsPerCall: number): void {
    // Halfway to each new measurement: quick to follow, deaf to a single stall.
    this.#millisecondsPerCall += (millisecondsPerCall - this.#millisecondsPerCall) / 2;
    this.#continue();
  }

  #onEnd(thread: ModelThread, error: InfernodeError): void {
    if (this.#thread === thread) this.#thread = undefined;
    dropped.unregister(thread);
    // A model that cannot be loaded again fails its waiting calls too: trying for each would never end.
    if (error.code !== 'INF_BACKEND_CRASHED')
      for (const call of this.#take(Number.POSITIVE_INFINITY)) call.reject(error);
    this.#continue();
  }

  #continue(): void {
    if (this.#waiting.size > 0) this.#scheduleFlush();
    else this.#checkDrained();
  }

  get #idle(): boolean {
    return this.#copying === 0 && this.#waiting.size === 0 && (this.#thread?.inFlight ?? 0) === 0;
  }

  #checkDrained(): void {
    if (this.#idle) this.#onDrained?.();
  }

  #abort(call: QueuedCall, signal: AbortSignal): void {
    // A call that the worker already has runs to its end there, unheard.
    this.#waiting.delete(call);
    call.reject(abortError(signal, 'The call'));
    this.#continue();
  }

  async #drainAndClose(): Promise<void> {
    if (!this.#idle) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
    }
    const thread = this.#thread;
    // Its worker soon belongs to another model.
    this.#thread = undefined;
    await thread?.close();
  }
}
