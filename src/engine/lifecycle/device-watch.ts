import type { InfernodeError } from '../../errors.js';
import { isDeviceFailure } from '../device-failure.js';
import type { LifecycleSet } from './lifecycle-set.js';

/** Finds out that a GPU has failed for good. Nothing that computes on one serves from then on: the process must be started again. */
export class DeviceWatch {
  #failure: InfernodeError | null = null;

  constructor(
    private readonly models: LifecycleSet,
    private readonly onFailure: (failure: InfernodeError) => void,
  ) {}

  /** The first such failure; null as long as there is none. */
  get failure(): InfernodeError | null {
    return this.#failure;
  }

  /** Is shown what loads and calls of models have failed with. */
  note(error: unknown): void {
    if (this.#failure !== null || !isDeviceFailure(error)) return;
    this.#failure = error;
    for (const lifecycle of this.models.all()) {
      // Who waits for it to be freed is nobody here.
      if (lifecycle.usesGpu) lifecycle.unload(`its device has failed: ${error.message}`).catch(() => undefined);
    }
    this.onFailure(error);
  }
}
