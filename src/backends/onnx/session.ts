import { abortError, InfernodeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { AbortWatch } from '../abort-watch.js';
import type { Inputs, ModelInfo, Outputs, Session, SessionOptions, Signature } from '../backend.js';
import { bindInputs } from '../bind-inputs.js';
import { unknownMethod } from '../methods.js';
import type { Call } from './calls-in-flight.js';
import { checkTensors, explainFailure } from './checks.js';
import { areLarge, copyInTurns } from './copy-in-turns.js';
import { Instances } from './instances.js';
import { QuickCopy, stateOf } from './quick-copy.js';

/** Calls in one message: enough to spread its cost, few enough that both threads work at once. */
const CALLS_PER_MESSAGE = 32;

/** Messages under way to a worker: while it runs one, the next is there. */
const MESSAGES = 3;

/** A worker is given this much work ahead; a call that waits here instead is aborted at no cost. */
const WORK_AHEAD_MS = 2;

interface QueuedCall extends Call {
  readonly signal: AbortSignal | undefined;
}

/**
 * A model that worker threads run, one for each instance. Calls overlap up to the worker, which runs them one by one. Quick ones
 * stay in the caller's thread.
 */
export class OnnxSession implements Session {
  readonly #path: string;
  readonly #instances: Instances;
  readonly #quick: QuickCopy | null;
  readonly #waiting = new Set<QueuedCall>();
  readonly #aborts = new AbortWatch<QueuedCall>((call, signal) => this.#abort(call, signal));
  #flushScheduled = false;
  /** Calls whose inputs are being copied. */
  #copying = 0;
  /** Calls that stay in this thread. */
  #here = 0;
  #millisecondsPerCall = 0.1;
  /** The inputs of the call that the workers have, if it is the only one. */
  #lone: readonly Tensor[] | undefined;
  /** Whether a call has succeeded. */
  #hasAnswered = false;
  #closed: Promise<void> | undefined;
  #onDrained: (() => void) | undefined;

  /**
   * Loads a model into worker threads of its own, one for each instance.
   * @throws InfernodeError INF_MODEL_*, INF_INPUT_DTYPE, INF_OUTPUT_UNSUPPORTED, INF_OUT_OF_MEMORY, INF_BACKEND_*
   */
  static async open(path: string, { threads, instances = 1 }: SessionOptions): Promise<OnnxSession> {
    const before = await stateOf(path);
    const loaded = await Instances.load(path, threads, instances);
    return new OnnxSession(path, loaded, await QuickCopy.of(path, loaded.info, before));
  }

  private constructor(path: string, instances: Instances, quick: QuickCopy | null) {
    this.#path = path;
    this.#instances = instances;
    this.#quick = quick;
    instances.owner = {
      onReplies: (millisecondsPerCall) => this.#onReplies(millisecondsPerCall),
      onEnd: (error) => this.#onEnd(error),
    };
  }

  get info(): ModelInfo {
    return this.#instances.info;
  }

  get #signature(): Signature {
    return this.#instances.signature;
  }

  async run(method: string, inputs: Inputs, signal?: AbortSignal): Promise<Outputs> {
    const tensors = this.#bind(method, inputs);
    // Behind what workers have, a call would overtake.
    const quick = this.#quick;
    if (quick !== null && this.#areWorkersIdle && quick.takes(tensors, this.#here)) {
      return this.#runHere(quick, tensors, signal);
    }
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

  async #runHere(quick: QuickCopy, tensors: readonly Tensor[], signal: AbortSignal | undefined): Promise<Outputs> {
    if (signal?.aborted) throw abortError(signal, 'The call');
    this.#here++;
    try {
      const outputs = await quick.run(tensors);
      if (signal?.aborted) throw abortError(signal, 'The call');
      if (outputs === null) return this.#enqueue(tensors, false, signal);
      this.#hasAnswered = true;
      return outputs;
    } finally {
      this.#here--;
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
        resolve: (outputs) => {
          settle();
          this.#hasAnswered = true;
          resolve(outputs);
        },
        reject: (error) => {
          settle();
          reject(this.#explain(tensors, error));
        },
      };
      if (signal !== undefined) this.#aborts.add(signal, call);
      if (this.#quick !== null) this.#lone = this.#areWorkersIdle ? tensors : undefined;
      this.#waiting.add(call);
      this.#scheduleFlush();
    });
  }

  runSync(method: string, inputs: Inputs): Outputs {
    const tensors = this.#bind(method, inputs);
    try {
      const outputs = this.#instances.leastBusy().runSync(tensors);
      this.#hasAnswered = true;
      return outputs;
    } catch (error) {
      throw error instanceof InfernodeError ? this.#explain(tensors, error) : error;
    }
  }

  #explain(values: readonly Tensor[], failure: InfernodeError): InfernodeError {
    return explainFailure({ failure, signature: this.#signature, values, hasAnswered: this.#hasAnswered });
  }

  close(): Promise<void> {
    this.#closed ??= this.#drainAndClose();
    return this.#closed;
  }

  /** Makes a worker die of an uncaught error. For tests. */
  async crash(instance = 0): Promise<void> {
    await this.#instances.at(instance)?.crash();
  }

  /** Ends an idle worker without a word to it. For tests. */
  async terminate(instance = 0): Promise<void> {
    await this.#instances.at(instance)?.terminate();
  }

  #bind(method: string, inputs: Inputs): readonly Tensor[] {
    if (this.#closed !== undefined) throw new InfernodeError('INF_MODEL_CLOSED', 'The model has been closed');
    if (method !== 'forward') throw unknownMethod(method, ['forward']);
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
      const thread = this.#instances.leastBusy();
      const share = Math.ceil(this.#waiting.size / this.info.instances);
      const room = Math.min(CALLS_PER_MESSAGE, share, limit - thread.inFlight);
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

  #onReplies(millisecondsPerCall: number): void {
    // Halfway to each new measurement: quick to follow, deaf to a single stall.
    this.#millisecondsPerCall += (millisecondsPerCall - this.#millisecondsPerCall) / 2;
    if (this.#lone !== undefined) this.#quick?.took(this.#lone, millisecondsPerCall);
    this.#lone = undefined;
    this.#continue();
  }

  #onEnd(error: InfernodeError): void {
    this.#quick?.stop();
    this.#lone = undefined;
    // A model that cannot be loaded again fails its waiting calls too: trying for each would never end.
    if (error.code !== 'INF_BACKEND_CRASHED')
      for (const call of this.#take(Number.POSITIVE_INFINITY)) call.reject(error);
    this.#continue();
  }

  #continue(): void {
    if (this.#waiting.size > 0) this.#scheduleFlush();
    else this.#checkDrained();
  }

  get #areWorkersIdle(): boolean {
    return this.#copying === 0 && this.#waiting.size === 0 && this.#instances.inFlight === 0;
  }

  get #idle(): boolean {
    return this.#areWorkersIdle && this.#here === 0;
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
    await Promise.all([this.#instances.close(), this.#quick?.close()]);
  }
}
