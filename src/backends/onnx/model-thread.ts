import { type ErrorCode, InfernodeError, messageOf } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ModelInfo, Outputs, Signature } from '../backend.js';
import { stayAwake } from '../stay-awake.js';
import { type Call, CallsInFlight } from './calls-in-flight.js';
import type { ModelWorker } from './model-worker.js';
import { parkWorker, takeWorker } from './parked-worker.js';
import type { Response } from './protocol.js';
import type { Packet } from './wire.js';
import { fromWireError } from './wire-error.js';

/** Failures of a load that are the file's fault and leave the worker as it was. */
const CLEAN_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'INF_MODEL_NOT_FOUND',
  'INF_MODEL_INVALID',
  'INF_MODEL_UNSAFE',
  'INF_INPUT_DTYPE',
  'INF_OUTPUT_UNSUPPORTED',
]);

/** Whom a {@link ModelThread} tells what happens. */
export interface ThreadOwner {
  /** Some calls were answered. */
  onReplies(millisecondsPerCall: number): void;
  /** The model is gone or useless, and every call it had has failed with `error`. */
  onEnd(thread: ModelThread, error: InfernodeError): void;
}

/** A model in a worker thread, seen from the caller's side: from its load until the worker is given back. */
export class ModelThread {
  /** What the model is, once it is loaded. */
  readonly loaded: Promise<ModelInfo>;
  /**
   * Nobody while the model loads for the first time. Weak, for the worker keeps this object alive, and must not keep a
   * model that nobody uses. The closures of calls in flight keep their owner.
   */
  owner: WeakRef<ThreadOwner> | undefined;
  readonly #path: string;
  readonly #worker: ModelWorker;
  readonly #calls: CallsInFlight;
  /** Settles once the worker is parked or has ended. */
  readonly #released: Promise<void>;
  #ended = false;
  #closing = false;
  /** Whether the worker may hold another model after this one. */
  #reusable = true;
  #onLoaded!: (info: ModelInfo) => void;
  #onLoadFailed!: (error: InfernodeError) => void;
  #onReleased!: (parked?: Promise<void>) => void;

  constructor(path: string, threads: number, expected: Signature | null) {
    this.#path = path;
    this.#calls = new CallsInFlight(expected?.outputs ?? []);
    this.loaded = new Promise((resolve, reject) => {
      this.#onLoaded = resolve;
      this.#onLoadFailed = reject;
    });
    // After a crash nobody waits for the load: its failure reaches the calls.
    this.loaded.catch(() => {});
    this.#released = new Promise((resolve) => {
      this.#onReleased = resolve;
    });
    this.#worker = takeWorker();
    this.#worker.user = {
      onResponse: (response) => this.#onResponse(response),
      // Calls whose reply cannot be read would never settle.
      onUnreadable: (error) => this.#abandon(this.#crashError(error), false),
      onExit: (cause) => {
        this.#end(this.#crashError(cause));
        this.#onReleased();
      },
    };
    this.#worker.post({ type: 'load', path, threads, expected });
  }

  /** Calls sent and not yet answered. */
  get inFlight(): number {
    return this.#calls.size;
  }

  /** Messages that hold a call not yet answered. */
  get packets(): number {
    return this.#calls.packets;
  }

  /** Sends calls in one message. A call whose data cannot be sent is rejected. */
  send(calls: Iterable<Call>): void {
    const idle = this.#calls.size === 0;
    const message = this.#calls.pack(calls);
    if (message === undefined) return;
    if (idle) {
      this.#worker.ref();
      stayAwake(() => this.#calls.size > 0);
    }
    this.#worker.post({ type: 'run', packet: message.packet }, message.transfer);
  }

  /**
   * Runs one call and blocks the thread until its answer is there.
   * @throws InfernodeError what the call fails with, INF_BACKEND_CRASHED
   */
  runSync(inputs: readonly Tensor[]): Outputs {
    if (this.#worker.isStopped) {
      throw new InfernodeError('INF_MODEL_CLOSED', 'The process is about to end: no model runs any more');
    }
    const { packet, transfer } = this.#calls.packOne(inputs);
    this.#worker.post({ type: 'runSync', packet }, transfer);
    const answer = this.#worker.awaitAnswer();
    if (answer !== undefined) return this.#calls.readAnswer(answer);
    const error = this.#crashError();
    this.#end(error);
    throw error;
  }

  /** Frees the model and gives the worker back; idempotent. To be called when no call is in flight. */
  async close(): Promise<void> {
    this.#release();
    await this.#released;
  }

  /** Makes the worker die of an uncaught error. For tests. */
  async crash(): Promise<void> {
    this.#closing = true;
    this.#worker.ref();
    this.#worker.post({ type: 'crash' });
    await this.#released;
  }

  /** Ends the worker without a word to it. For tests, and only while it is idle. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #onResponse(response: Response): void {
    switch (response.type) {
      case 'loaded':
        this.#calls.outputs = response.info.methods.forward!.outputs;
        this.#rest();
        this.#onLoaded(response.info);
        break;
      case 'loadFailed':
        this.#abandon(fromWireError(response.error), CLEAN_FAILURES.has(response.error.code));
        break;
      case 'replies':
        this.#onReplies(response.packet, response.millisecondsPerCall);
        break;
      case 'closed':
        this.#worker.user = undefined;
        this.#onReleased(this.#reusable ? parkWorker(this.#worker) : this.#worker.end());
        break;
    }
  }

  #onReplies(packet: Packet, millisecondsPerCall: number): void {
    // The calls of a model that counts as gone have failed already.
    if (this.#ended) return;
    // Before the calls are settled: they may be all that keeps the owner alive.
    const owner = this.owner?.deref();
    this.#calls.settle(packet, millisecondsPerCall);
    this.#rest();
    owner?.onReplies(millisecondsPerCall);
  }

  /** A process with nothing else to do may end while the model is idle. */
  #rest(): void {
    if (this.#calls.size === 0 && !this.#closing) this.#worker.unref();
  }

  /** Counts the model as gone and gives its worker back in peace. */
  #abandon(error: InfernodeError, reusable: boolean): void {
    this.#reusable &&= reusable;
    this.#end(error);
    this.#release();
  }

  #release(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#worker.ref();
    this.#worker.post({ type: 'close' });
  }

  #end(error: InfernodeError): void {
    if (this.#ended) return;
    this.#ended = true;
    const owner = this.owner?.deref();
    this.#calls.fail(error);
    this.#onLoadFailed(error);
    owner?.onEnd(this, error);
  }

  #crashError(cause?: unknown): InfernodeError {
    const why = cause === undefined ? 'ended' : `died: ${messageOf(cause)}`;
    return new InfernodeError(
      'INF_BACKEND_CRASHED',
      `The worker thread of ${this.#path} ${why}. The call may be tried again: the model is loaded anew`,
      { cause, details: { path: this.#path } },
    );
  }
}
