import type { InfernodeError } from '../../errors.js';
import type { ModelInfo, Signature } from '../backend.js';
import { ModelThread, type ThreadOwner } from './model-thread.js';

/** Closes the models of sessions that were dropped without `close`. */
const dropped = new FinalizationRegistry<ModelThread>((thread) => void thread.close());

/** Whom {@link Instances} tells what happens. */
export interface InstancesOwner {
  /** Some calls were answered. */
  onReplies(millisecondsPerCall: number): void;
  /** One instance is gone or useless, and every call it had has failed with `error`. */
  onEnd(error: InfernodeError): void;
}

/** The instances of one model: worker threads, each with a copy of its own, for the runtime's cannot be shared by threads. */
export class Instances {
  readonly path: string;
  readonly info: ModelInfo;
  /** Nobody while the model loads for the first time. */
  owner: InstancesOwner | undefined;
  /** Undefined after a crash, until a call needs it. */
  readonly #threads: (ModelThread | undefined)[];
  readonly #threadOwner: ThreadOwner = {
    onReplies: (millisecondsPerCall) => this.owner?.onReplies(millisecondsPerCall),
    onEnd: (thread, error) => {
      const index = this.#threads.indexOf(thread);
      if (index >= 0) this.#threads[index] = undefined;
      dropped.unregister(thread);
      this.owner?.onEnd(error);
    },
  };

  /**
   * Loads a model `count` times: once to see what it is, then the others at the same time.
   * @throws InfernodeError INF_MODEL_*, INF_INPUT_DTYPE, INF_OUTPUT_UNSUPPORTED, INF_OUT_OF_MEMORY, INF_BACKEND_*
   */
  static async load(path: string, threads: number, count: number): Promise<Instances> {
    const begun = [new ModelThread(path, threads, null)];
    try {
      const info = await begun[0]!.loaded;
      const instances = new Instances(path, { ...info, instances: count });
      instances.#adopt(0, begun[0]!);
      for (let index = 1; index < count; index++) begun.push(instances.#start(index));
      await Promise.all(begun.map(({ loaded }) => loaded));
      return instances;
    } catch (error) {
      // A caller that tries the next file at once finds the workers free.
      await Promise.all(begun.map((thread) => thread.close()));
      throw error;
    }
  }

  private constructor(path: string, info: ModelInfo) {
    this.info = info;
    this.path = path;
    this.#threads = new Array(info.instances).fill(undefined);
  }

  get signature(): Signature {
    return this.info.methods.forward!;
  }

  /** Calls sent and not yet answered. */
  get inFlight(): number {
    return this.#threads.reduce((sum, thread) => sum + (thread?.inFlight ?? 0), 0);
  }

  /**
   * The instance with the fewest calls in flight, the first of several. One that has crashed is loaded anew when no other
   * is idle.
   * @throws if the system gives no further thread
   */
  leastBusy(): ModelThread {
    let best: ModelThread | undefined;
    for (const thread of this.#threads) {
      if (thread !== undefined && (best === undefined || thread.inFlight < best.inFlight)) best = thread;
    }
    const gone = this.#threads.indexOf(undefined);
    if (best !== undefined && (gone < 0 || best.inFlight === 0)) return best;
    return this.#start(gone);
  }

  /** An instance that is loaded, for tests. */
  at(index: number): ModelThread | undefined {
    return this.#threads[index];
  }

  /** Frees all; to be called when no call is in flight. */
  async close(): Promise<void> {
    // Their workers soon belong to other models.
    const threads = this.#threads.splice(0);
    await Promise.all(threads.map((thread) => thread?.close()));
  }

  #start(index: number): ModelThread {
    const thread = new ModelThread(this.path, this.info.threads, this.signature);
    this.#adopt(index, thread);
    return thread;
  }

  #adopt(index: number, thread: ModelThread): void {
    this.#threads[index] = thread;
    thread.owner = new WeakRef(this.#threadOwner);
    dropped.register(this, thread, thread);
  }
}
