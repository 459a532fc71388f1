import { abortError, InfernodeError, messageOf } from '../../errors.js';
import type { VersionSource } from '../../models/repository/model-source.js';
import type { Model } from '../model.js';
import type { ModelState } from './model-entry.js';

/** Loads a version and makes it warm. */
export type LoadVersion = (source: VersionSource, signal: AbortSignal) => Promise<Model>;

/** One version of a model, and where it stands. The model that serves is swapped at once, never taken away first. */
export class VersionSlot {
  #model: Model | null = null;
  #state: ModelState = 'UNAVAILABLE';
  #reason = 'it has not been loaded';
  /** Of the files that serve, and of those that were last tried. */
  #served: string | null = null;
  #tried: string | null = null;

  constructor(
    readonly version: number,
    private readonly onChange: (slot: VersionSlot) => void,
  ) {}

  get state(): ModelState {
    return this.#state;
  }

  /** Empty for a version that serves as it should. */
  get reason(): string {
    return this.#reason;
  }

  /** The model that serves. */
  get model(): Model | null {
    return this.#model;
  }

  /**
   * Whether these files need not be loaded: they serve, or are known not to load.
   *
   * @throws InfernodeError INF_MODEL_NOT_READY if they are, and nothing else serves in their place
   */
  has(source: VersionSource): boolean {
    if (this.#served === source.stamp) {
      this.#become('READY', '');
      return true;
    }
    if (this.#tried !== source.stamp) return false;
    if (this.#model !== null) return true;
    throw new InfernodeError('INF_MODEL_NOT_READY', `Version ${this.version} does not load: ${this.#reason}`);
  }

  /**
   * Loads these files and lets them take over. If that fails, what served goes on.
   *
   * @returns the model that no longer serves
   */
  async load(source: VersionSource, load: LoadVersion, signal: AbortSignal): Promise<Model | null> {
    if (this.#model === null) this.#become('LOADING', 'it is loading');
    try {
      const model = await load(source, signal);
      if (signal.aborted) {
        await model.close();
        throw abortError(signal, `Loading ${source.path}`);
      }
      const old = this.#model;
      this.#model = model;
      this.#served = source.stamp;
      this.#tried = source.stamp;
      this.#become('READY', '');
      return old;
    } catch (error) {
      this.#tried = signal.aborted ? null : source.stamp;
      this.fail(signal.aborted ? 'its loading was given up' : messageOf(error));
      throw error;
    }
  }

  /** Says why it does not serve, or what is wrong though it does. */
  fail(reason: string): void {
    if (this.#model === null) this.#become('UNAVAILABLE', reason);
    else this.#become('READY', `the last change has not taken effect: ${reason}`);
  }

  /** Takes no more requests; resolves when those in flight have been answered and the model is freed. */
  async unload(reason: string): Promise<void> {
    const model = this.#model;
    this.#model = null;
    this.#served = null;
    this.#tried = null;
    if (model !== null) {
      this.#become('UNLOADING', reason);
      await model.close();
    }
    this.#become('UNAVAILABLE', reason);
  }

  #become(state: ModelState, reason: string): void {
    if (this.#state === state && this.#reason === reason) return;
    this.#state = state;
    this.#reason = reason;
    this.onChange(this);
  }
}
