import { abortError, InfernodeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { AbortWatch } from '../abort-watch.js';
import type { Inputs, ModelInfo, OnComputed, Outputs, Session, SessionOptions, Signature } from '../backend.js';
import { bindInputs } from '../bind-inputs.js';
import { unknownMethod } from '../methods.js';
import { CallQueue } from './call-queue.js';
import type { Call } from './calls-in-flight.js';
import { checkTensors, explainFailure } from './checks.js';
import { areLarge, copyInTurns } from './copy-in-turns.js';
import { Instances } from './instances.js';
import { QuickCopy, stateOf } from './quick-copy.js';

interface CallOptions {
  readonly signal: AbortSignal | undefined;
  readonly onComputed: OnComputed | undefined;
}

/**
 * A model that worker threads run, one for each instance. Calls overlap up to the worker, which runs them one by one. Quick ones
 * stay in the caller's thread.
 */
export class OnnxSession implements Session {
  readonly #instances: Instances;
  readonly #quick: QuickCopy | null;
  readonly #queue: CallQueue;
  readonly #aborts = new AbortWatch<Call>((call, signal) => this.#abort(call, signal));
  /** Calls whose inputs are being copied. */
  #copying = 0;
  /** Calls that stay in this thread. */
  #here = 0;
  /** The call that the workers have, if it is the only one. */
  #lone: { readonly inputs: readonly Tensor[]; readonly begunMs: number } | undefined;
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
    QuickCopy.prepare(before);
    const loaded = await Instances.load(path, threads, instances);
    return new OnnxSession(loaded, await QuickCopy.of(path, loaded.info, before));
  }

  private constructor(instances: Instances, quick: QuickCopy | null) {
    this.#instances = instances;
    this.#quick = quick;
    this.#queue = new CallQueue(instances, () => this.#checkDrained());
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

  run(method: string, inputs: Inputs, signal?: AbortSignal, onComputed?: OnComputed): Promise<Outputs> {
    let tensors: readonly Tensor[];
    // Not an async function: another one around that of a quick call would be 300 bytes of garbage more.
    try {
      tensors = this.#bind(method, inputs);
    } catch (error) {
      return Promise.reject(error);
    }
    // Behind what workers have, a call would overtake.
    const quick = this.#quick;
    if (quick !== null && this.#areWorkersIdle && quick.takes(tensors, this.#here)) {
      return this.#runHere(quick, tensors, { signal, onComputed });
    }
    const copy = areLarge(tensors);
    return copy ? this.#runCopied(tensors, { signal, onComputed }) : this.#enqueue(tensors, { signal, onComputed });
  }

  async #runHere(quick: QuickCopy, tensors: readonly Tensor[], options: CallOptions): Promise<Outputs> {
    const { signal, onComputed } = options;
    if (signal?.aborted) throw abortError(signal, 'The call');
    this.#here++;
    try {
      const outputs = await quick.run(tensors, onComputed);
      this.#hasAnswered = true;
      if (!signal?.aborted) return outputs;
    } catch {
      // A worker says why.
      return this.#enqueue(tensors, options);
    } finally {
      this.#here--;
      this.#checkDrained();
    }
    throw abortError(signal, 'The call');
  }

  async #runCopied(tensors: readonly Tensor[], options: CallOptions): Promise<Outputs> {
    this.#copying++;
    try {
      const copies = await copyInTurns(tensors);
      return this.#enqueue(copies, options, true);
    } finally {
      this.#copying--;
      this.#checkDrained();
    }
  }

  #enqueue(tensors: readonly Tensor[], { signal, onComputed }: CallOptions, owned = false): Promise<Outputs> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) throw abortError(signal, 'The call');
      const settle = () => {
        if (signal !== undefined) this.#aborts.remove(signal, call);
      };
      const call: Call = {
        inputs: tensors,
        owned,
        resolve: (outputs, milliseconds) => {
          settle();
          this.#hasAnswered = true;
          onComputed?.(milliseconds);
          resolve(outputs);
        },
        reject: (error) => {
          settle();
          reject(this.#explain(tensors, error));
        },
      };
      if (signal !== undefined) this.#aborts.add(signal, call);
      if (this.#quick !== null) {
        this.#lone = this.#areWorkersIdle ? { inputs: tensors, begunMs: performance.now() } : undefined;
      }
      this.#queue.add(call);
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

  #onReplies(millisecondsPerCall: number): void {
    this.#queue.took(millisecondsPerCall);
    const lone = this.#lone;
    if (lone !== undefined) this.#quick?.took(lone.inputs, performance.now() - lone.begunMs, millisecondsPerCall);
    this.#lone = undefined;
    this.#continue();
  }

  #onEnd(error: InfernodeError): void {
    this.#quick?.stop();
    this.#lone = undefined;
    // A model that cannot be loaded again fails its waiting calls too: trying for each would never end.
    if (error.code !== 'INF_BACKEND_CRASHED') this.#queue.fail(error);
    this.#continue();
  }

  #continue(): void {
    this.#queue.sendSoon();
    this.#checkDrained();
  }

  get #areWorkersIdle(): boolean {
    return this.#copying === 0 && this.#queue.isEmpty && this.#instances.inFlight === 0;
  }

  get #idle(): boolean {
    return this.#areWorkersIdle && this.#here === 0;
  }

  #checkDrained(): void {
    if (this.#idle) this.#onDrained?.();
  }

  #abort(call: Call, signal: AbortSignal): void {
    // A call that the worker already has runs to its end there, unheard.
    this.#queue.remove(call);
    call.reject(abortError(signal, 'The call'));
    this.#continue();
  }

  async #drainAndClose(): Promise<void> {
    if (!this.#idle) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
    }
    try {
      // The worker gives memory back to the system, that of the copy too.
      await this.#quick?.close();
    } finally {
      await this.#instances.close();
    }
  }
}
