import { InfernodeError } from '../../errors.js';

/** Something that is done to a model. Equal ones that wait are done once. */
export interface Operation {
  readonly kind: 'load' | 'unload';
  /** What tells two loads apart: the config they were given. */
  readonly key: string;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

interface Entry extends Operation {
  readonly done: Promise<void>;
  readonly settle: { resolve: () => void; reject: (error: unknown) => void };
}

/**
 * The operations on one model, one after the other. A load that comes while an equal one waits joins it; not one that runs,
 * for the files may have changed since that began. An unload overtakes: the load that runs is given up, those that wait are
 * not begun.
 */
export class OperationQueue {
  #running: { entry: Entry; abort: AbortController } | undefined;
  #waiting: Entry[] = [];
  #stopped: InfernodeError | undefined;

  constructor(private readonly name: string) {}

  /** Resolves when the operation is done. @throws InfernodeError INF_MODEL_NOT_READY if a later one made it void */
  push(operation: Operation): Promise<void> {
    if (this.#stopped !== undefined) return Promise.reject(this.#stopped);
    if (operation.kind === 'unload') this.#giveUp(this.#unloaded());
    const same = this.#sameAs(operation);
    if (same !== undefined) return same.done;
    const entry = withPromise(operation);
    this.#waiting.push(entry);
    void this.#work();
    return entry.done;
  }

  /** Takes no more, gives loads up, and waits for what cannot be given up. */
  async stop(error: InfernodeError): Promise<void> {
    this.#stopped = error;
    this.#giveUp(error);
    await Promise.allSettled([this.#running?.entry.done, ...this.#waiting.map(({ done }) => done)]);
  }

  #giveUp(error: InfernodeError): void {
    const dropped = this.#waiting.filter(({ kind }) => kind === 'load');
    this.#waiting = this.#waiting.filter(({ kind }) => kind === 'unload');
    for (const { settle } of dropped) settle.reject(error);
    if (this.#running?.entry.kind === 'load') this.#running.abort.abort(error);
  }

  #sameAs({ kind, key }: Operation): Entry | undefined {
    const last = this.#waiting.at(-1) ?? (kind === 'unload' ? this.#running?.entry : undefined);
    return last?.kind === kind && last.key === key ? last : undefined;
  }

  async #work(): Promise<void> {
    if (this.#running !== undefined) return;
    for (let entry = this.#waiting.shift(); entry !== undefined; entry = this.#waiting.shift()) {
      const abort = new AbortController();
      this.#running = { entry, abort };
      try {
        await entry.run(abort.signal);
        entry.settle.resolve();
      } catch (error) {
        entry.settle.reject(abort.signal.aborted ? abort.signal.reason : error);
      }
      this.#running = undefined;
    }
  }

  #unloaded(): InfernodeError {
    return new InfernodeError('INF_MODEL_NOT_READY', `Model "${this.name}" was unloaded before it had been loaded`);
  }
}

function withPromise(operation: Operation): Entry {
  let settle!: Entry['settle'];
  const done = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { ...operation, done, settle };
}
