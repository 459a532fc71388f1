import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ModelSource } from '../../models/repository/model-source.js';
import type { FilledEngineOptions } from '../engine-options.js';
import type { LifecycleSet } from './lifecycle-set.js';
import type { ModelChange } from './repository-poll.js';
import type { LoadNamedVersion } from './version-loader.js';

/** Loads the models of the start and, in mode `poll`, whatever the repository becomes. */
export class RepositoryStart {
  /** Resolves when every model of the start has been tried. */
  readonly done: Promise<void>;
  readonly #sources: Map<string, ModelSource>;
  /** The models of the start that have not been taken away since. */
  readonly #expected = new Set<string>();
  #isDone = false;

  /** @param sources what the repository has now */
  constructor(
    { mode, startup }: FilledEngineOptions,
    sources: readonly ModelSource[],
    private readonly models: LifecycleSet,
    private readonly load: LoadNamedVersion,
  ) {
    this.#sources = new Map(sources.map((source) => [source.name, source]));
    for (const name of startup) if (name !== '*') this.#expected.add(name);
    if (mode !== 'explicit' || startup.includes('*')) {
      for (const { name, isModel } of sources) if (isModel) this.#expected.add(name);
    }
    this.done = this.#begin();
  }

  /** Whether all that was to be loaded at the start has been tried, and serves. */
  get hasSucceeded(): boolean {
    return this.#isDone && this.awaited.length === 0;
  }

  /** The names of the models of the start that do not serve. */
  get awaited(): string[] {
    return [...this.#expected].filter((name) => !this.models.serves(name));
  }

  /** The model is no longer expected to serve: it was unloaded on request. */
  dismiss(name: string): void {
    this.#expected.delete(name);
  }

  /** Does as the repository does. */
  async follow([name, source]: ModelChange): Promise<void> {
    if (source !== null) {
      this.#sources.set(name, source);
      return this.#loadFound(name);
    }
    this.#sources.delete(name);
    this.dismiss(name);
    await this.models
      .get(name)
      ?.unload('it was removed from the repository')
      .catch(() => undefined);
    // It may have come back.
    if (!this.#sources.has(name)) this.models.forget(name);
  }

  async #begin(): Promise<void> {
    // Listeners that are added at once hear of every load.
    await nextTurn();
    await Promise.all([...this.#expected].map((name) => this.#loadFound(name)));
    this.#isDone = true;
  }

  /** Loads what was found last. If that fails, the index says why. */
  async #loadFound(name: string): Promise<void> {
    const plan = async () => {
      const source = this.#sources.get(name);
      if (source === undefined) throw this.models.notFound(name);
      return { source, load: this.load, anew: false };
    };
    await this.models
      .make(name)
      .load('', plan)
      .catch(() => undefined);
  }
}
