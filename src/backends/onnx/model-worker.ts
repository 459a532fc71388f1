import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { moduleUrl } from '../../config/package-root.js';
import { blockAwake } from '../stay-awake.js';
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
  type WorkerStart,
} from './protocol.js';
import type { Packet } from './wire.js';

/** A blocked thread hears no events, so it looks this often whether the worker still lives. */
const CHECK_MS = 50;

/** A worker that has not started by then never will. */
const START_LIMIT_MS = 60_000;

/** Who uses a {@link ModelWorker}. */
export interface WorkerUser {
  onResponse(response: Response): void;
  /** The worker sent something that cannot be read. */
  onUnreadable(error: Error): void;
  /** The worker is gone; `cause` is why, where it told. */
  onExit(cause: unknown): void;
}

/** A worker thread that holds one model after another, seen from the caller's side. */
export class ModelWorker {
  /** Whom to tell; nobody between two models. */
  user: WorkerUser | undefined;
  readonly #worker: Worker;
  readonly #syncPort: MessagePort;
  readonly #shared = new Int32Array(new SharedArrayBuffer(SHARED_BYTES));
  readonly #exited: Promise<void>;
  #cause: unknown;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    const start: WorkerStart = { syncPort: port2, shared: this.#shared };
    this.#syncPort = port1;
    this.#worker = new Worker(moduleUrl('backends/onnx/worker.js'), {
      name: 'infernode-onnx',
      workerData: start,
      transferList: [port2],
      // The user's flags, such as loaders and --input-type, are for the user's code.
      execArgv: [],
    });
    guardExit(this.#shared);
    // The first reading must be taken while the thread lives: see isDead.
    this.#worker.once('message', () => this.#worker.performance.eventLoopUtilization());
    this.#worker.on('message', (response: Response) => this.user?.onResponse(response));
    this.#worker.on('messageerror', (error) => this.user?.onUnreadable(error));
    this.#worker.on('error', (error) => {
      this.#cause = error;
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.on('exit', () => {
        // A thread that was ended from outside did not say so itself.
        Atomics.store(this.#shared, STATE, ENDED);
        unguardExit(this.#shared);
        this.user?.onExit(this.#cause);
        resolve();
      });
    });
  }

  /** Works while this thread hears no events. */
  get isDead(): boolean {
    if (Atomics.load(this.#shared, STATE) === ENDED) return true;
    // A thread that was ended from outside says nothing, but its event loop has no idle time any more. Of a thread that
    // was never read while it lived, this reads as 0.
    return this.#worker.performance.eventLoopUtilization().idle < 0;
  }

  /** Whether the process is about to end, so that no model runs any more. */
  get isStopped(): boolean {
    return Atomics.load(this.#shared, STOP) === 1;
  }

  /** Keeps the process alive. */
  ref(): void {
    this.#worker.ref();
  }

  /** Lets a process with nothing else to do end. */
  unref(): void {
    this.#worker.unref();
  }

  post(request: Request, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(request, transfer);
  }

  /** Blocks until the answer of a blocking call is there; undefined if the worker died instead. */
  awaitAnswer(): Packet | undefined {
    const started = performance.now();
    for (;;) {
      const seen = Atomics.load(this.#shared, ANSWERS);
      // The worker's last words count, so its death is looked for before the answer is.
      const dead = this.isDead || this.#neverStarts(started);
      const answer = receiveMessageOnPort(this.#syncPort) as { message: Packet } | undefined;
      if (answer !== undefined) return answer.message;
      if (dead) return undefined;
      blockAwake(() => Atomics.load(this.#shared, ANSWERS) === seen);
      Atomics.wait(this.#shared, ANSWERS, seen, CHECK_MS);
    }
  }

  /** Ends the thread, once it has done what it was asked before. */
  async end(): Promise<void> {
    this.post({ type: 'end' });
    await this.#exited;
  }

  /** Ends the thread without a word to it. For tests, and only while it is idle: see exit-guard.ts. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #neverStarts(since: number): boolean {
    return Atomics.load(this.#shared, STATE) === STARTING && performance.now() - since > START_LIMIT_MS;
  }
}
