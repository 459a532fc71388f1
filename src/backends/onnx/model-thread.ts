import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { InfernodeError, messageOf } from '../../errors.js';
import { checkTensor, Tensor } from '../../tensor/tensor.js';
import type { ModelInfo, Outputs, Signature } from '../backend.js';
import { guardExit, unguardExit } from './exit-guard.js';
import {
  ANSWERS,
  ENDED,
  type Request,
  type Response,
  SHARED_BYTES,
  STARTING,
  STATE,
  STOP,
  SUCCEEDED,
  type WorkerStart,
} from './protocol.js';
import { type Packet, PacketReader, PacketWriter } from './wire.js';
import { fromWireError } from './wire-error.js';

/** A blocked thread hears no events, so it looks this often whether the worker still lives. */
const CHECK_MS = 50;

/** A worker that has not started by then never will. */
const START_LIMIT_MS = 60_000;

/** A call on its way. */
export interface Call {
  /** One for each input of the model. */
  readonly inputs: readonly Tensor[];
  readonly resolve: (outputs: Outputs) => void;
  readonly reject: (error: InfernodeError) => void;
}

/** What a {@link ModelThread} tells its owner. */
export interface ThreadEvents {
  /** Some calls were answered. */
  onReplies(millisecondsPerCall: number): void;
  /** The thread is gone or useless, and every call it had has failed with `error`. */
  onEnd(error: InfernodeError): void;
}

/** A worker thread that holds a model, seen from the caller's side. */
export class ModelThread {
  /** What the model is, once it is loaded. */
  readonly loaded: Promise<ModelInfo>;
  /** Whom to tell; nobody while the model loads for the first time. */
  events: ThreadEvents | undefined;
  readonly #path: string;
  readonly #worker: Worker;
  readonly #syncPort: MessagePort;
  readonly #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  readonly #requests = new PacketWriter();
  readonly #inFlight = new Map<number, { readonly call: Call; readonly packet: { left: number } }>();
  readonly #exited: Promise<void>;
  #outputs: readonly { readonly name: string }[];
  #packets = 0;
  #nextId = 0;
  #ended = false;
  #closing = false;
  #onLoaded!: (info: ModelInfo) => void;
  #onLoadFailed!: (error: InfernodeError) => void;
  /** Why the worker died, where it told. */
  #cause: unknown;

  constructor(path: string, threads: number, expected: Signature | null) {
    const { port1, port2 } = new MessageChannel();
    const start: WorkerStart = { path, threads, expected, syncPort: port2, shared: this.#shared };
    this.#path = path;
    this.#outputs = expected?.outputs ?? [];
    this.#syncPort = port1;
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      name: 'infernode-onnx',
      workerData: start,
      transferList: [port2],
      // The user's flags, such as loaders and --input-type, are for the user's code.
      execArgv: [],
    });
    guardExit(this.#shared);
    this.loaded = new Promise((resolve, reject) => {
      this.#onLoaded = resolve;
      this.#onLoadFailed = reject;
    });
    // After a crash nobody waits for the load: its failure reaches the calls.
    this.loaded.catch(() => {});
    this.#worker.on('message', (response: Response) => this.#onResponse(response));
    this.#worker.on('messageerror', (error) => {
      // A reply that cannot be read leaves calls that would never settle.
      this.#cause = error;
      this.#abandon(this.#crashError());
    });
    this.#worker.on('error', (error) => {
      this.#cause = error;
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        unguardExit(this.#shared);
        this.#end(this.#crashError());
        resolve();
      });
    });
  }

  /** Calls sent and not yet answered. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Messages that hold a call not yet answered. */
  get packets(): number {
    return this.#packets;
  }

  /** Sends calls in one message. A call whose data cannot be sent is rejected. */
  send(calls: Iterable<Call>): void {
    const packet = { left: 0 };
    const idle = this.#inFlight.size === 0;
    for (const call of calls) {
      try {
        this.#inFlight.set(this.#write(call.inputs), { call, packet });
        packet.left++;
      } catch (error) {
        call.reject(error as InfernodeError);
      }
    }
    if (packet.left === 0) return;
    this.#packets++;
    if (idle) this.#worker.ref();
    this.#post('run');
  }

  /**
   * Runs one call and blocks the thread until its answer is there.
   * @throws InfernodeError what the call fails with, INF_BACKEND_CRASHED
   */
  runSync(inputs: readonly Tensor[]): Outputs {
    if (Atomics.load(this.#shared, STOP) === 1) {
      throw new InfernodeError('INF_MODEL_CLOSED', 'The process is about to end: no model runs any more');
    }
    this.#write(inputs);
    this.#post('runSync');
    const reader = new PacketReader(this.#awaitAnswer(), true);
    reader.number();
    if (reader.number() === SUCCEEDED) return this.#readOutputs(reader);
    throw fromWireError(reader.error());
  }

  /** Frees the model and ends the thread. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#worker.ref();
    this.#request({ type: 'close' });
    await this.#exited;
  }

  /** Makes the worker die of an uncaught error. For tests. */
  async crash(): Promise<void> {
    this.#closing = true;
    this.#worker.ref();
    this.#request({ type: 'crash' });
    await this.#exited;
  }

  /** Ends the thread without a word to it. For tests, and only while it is idle: see exit-guard.ts. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  /** @throws InfernodeError INF_TENSOR_DETACHED, INF_OUT_OF_MEMORY */
  #write(inputs: readonly Tensor[]): number {
    checkInputs(inputs);
    const id = this.#nextId++;
    this.#requests.begin();
    try {
      this.#requests.number(id);
      for (const { dtype, shape, data } of inputs) this.#requests.tensor(dtype, shape, data, false);
    } catch (cause) {
      this.#requests.undo();
      const message = `The inputs cannot be copied for the worker thread: ${messageOf(cause)}`;
      throw new InfernodeError('INF_OUT_OF_MEMORY', message, { cause });
    }
    return id;
  }

  #post(type: 'run' | 'runSync'): void {
    const { packet, transfer } = this.#requests.finish();
    this.#request({ type, packet }, transfer);
  }

  #request(request: Request, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  #awaitAnswer(): Packet {
    const started = performance.now();
    for (;;) {
      const seen = Atomics.load(this.#shared, ANSWERS);
      // The worker's last words count, so its death is looked for before the answer is.
      const dead = this.#isDead(started);
      const answer = receiveMessageOnPort(this.#syncPort) as { message: Packet } | undefined;
      if (answer !== undefined) return answer.message;
      if (dead) {
        const error = this.#crashError();
        this.#end(error);
        throw error;
      }
      Atomics.wait(this.#shared, ANSWERS, seen, CHECK_MS);
    }
  }

  /** Works while this thread hears no events. */
  #isDead(since: number): boolean {
    switch (Atomics.load(this.#shared, STATE)) {
      case ENDED:
        return true;
      case STARTING:
        return performance.now() - since > START_LIMIT_MS;
      default:
        // A thread that was ended from outside says nothing, but its event loop has no idle time any more. Of a thread
        // that was never read while it lived, this reads as 0.
        return this.#worker.performance.eventLoopUtilization().idle < 0;
    }
  }

  #onResponse(response: Response): void {
    if (this.#ended) return;
    switch (response.type) {
      case 'loaded':
        // The first reading must be taken while the thread lives: see #isDead.
        this.#worker.performance.eventLoopUtilization();
        this.#outputs = response.info.methods.forward!.outputs;
        this.#rest();
        this.#onLoaded(response.info);
        break;
      case 'loadFailed':
        this.#abandon(fromWireError(response.error));
        break;
      case 'replies':
        this.#onReplies(response.packet);
        this.#rest();
        this.events?.onReplies(response.millisecondsPerCall);
        break;
    }
  }

  /** A process with nothing else to do may end while the thread is idle. */
  #rest(): void {
    if (this.#inFlight.size === 0 && !this.#closing) this.#worker.unref();
  }

  #onReplies(packet: Packet): void {
    const reader = new PacketReader(packet, true);
    while (!reader.done) {
      const id = reader.number();
      const { call, packet: request } = this.#inFlight.get(id)!;
      this.#inFlight.delete(id);
      if (--request.left === 0) this.#packets--;
      if (reader.number() === SUCCEEDED) call.resolve(this.#readOutputs(reader));
      else call.reject(fromWireError(reader.error()));
    }
  }

  #readOutputs(reader: PacketReader): Outputs {
    const outputs: Outputs = {};
    for (const { name } of this.#outputs) {
      const { dtype, shape, data } = reader.tensor();
      outputs[name] = Tensor.trusted(dtype, data, Object.freeze(shape));
    }
    return outputs;
  }

  /** Counts the thread as gone and lets it end in peace. */
  #abandon(error: InfernodeError): void {
    this.#end(error);
    this.#request({ type: 'close' });
    this.#worker.unref();
  }

  #end(error: InfernodeError): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { call } of this.#inFlight.values()) call.reject(error);
    this.#inFlight.clear();
    this.#onLoadFailed(error);
    this.events?.onEnd(error);
  }

  #crashError(): InfernodeError {
    const why = this.#cause === undefined ? 'ended' : `died: ${messageOf(this.#cause)}`;
    return new InfernodeError(
      'INF_BACKEND_CRASHED',
      `The worker thread of ${this.#path} ${why}. The call may be tried again: the model is loaded anew`,
      { cause: this.#cause, details: { path: this.#path } },
    );
  }
}

/** The caller may have transferred a buffer since the call was made. */
function checkInputs(inputs: readonly Tensor[]): void {
  for (const { dtype, shape, data } of inputs) if (data.length === 0) checkTensor(dtype, data, shape);
}
