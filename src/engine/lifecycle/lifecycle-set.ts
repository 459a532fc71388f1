import { didYouMean } from '../../config/suggest.js';
import { InfernodeError } from '../../errors.js';
import { nameProblem, quoteName } from '../../models/repository/model-name.js';
import type { ModelEntry } from './model-entry.js';
import { ModelLifecycle } from './model-lifecycle.js';

/** The models that are known, by name. */
export class LifecycleSet {
  readonly #lifecycles = new Map<string, ModelLifecycle>();

  constructor(private readonly onState: (entry: ModelEntry) => void) {}

  /** In the order of names. */
  all(): ModelLifecycle[] {
    return [...this.#lifecycles.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  get(name: string): ModelLifecycle | undefined {
    return this.#lifecycles.get(name);
  }

  /** @throws InfernodeError INF_MODEL_NOT_FOUND */
  known(name: string): ModelLifecycle {
    const lifecycle = this.#lifecycles.get(name);
    if (lifecycle === undefined) throw this.notFound(name);
    return lifecycle;
  }

  /** The one of this name, made if there is none. */
  make(name: string): ModelLifecycle {
    const lifecycle = this.#lifecycles.get(name) ?? new ModelLifecycle(name, this.onState);
    this.#lifecycles.set(name, lifecycle);
    return lifecycle;
  }

  forget(name: string): void {
    this.#lifecycles.delete(name);
  }

  serves(name: string): boolean {
    return this.#lifecycles.get(name)?.serves ?? false;
  }

  /** The error of a name that stands for nothing. It suggests none but names that anybody can use. */
  notFound(name: string): InfernodeError {
    const isName = typeof name === 'string' && nameProblem(name) === undefined;
    const served = this.all().filter(({ serves }) => serves);
    const hint = isName
      ? didYouMean(
          name,
          served.map((lifecycle) => lifecycle.name),
        )
      : '';
    return new InfernodeError('INF_MODEL_NOT_FOUND', `There is no model ${quoteName(name)}${hint}`, {
      details: { name: quoteName(name).slice(1, -1) },
    });
  }
}
