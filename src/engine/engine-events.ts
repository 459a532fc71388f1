import { EventEmitter } from 'node:events';
import type { InfernodeError } from '../errors.js';
import type { ModelEntry } from './lifecycle/model-entry.js';

/** What an engine tells its listeners, and with what. */
export interface EngineEvents {
  /** A version has another state or reason. */
  readonly state: ModelEntry;
  /** `engine.ready` has changed. */
  readonly ready: boolean;
  /** A GPU has failed for good: the process must be started again. */
  readonly deviceFailed: InfernodeError;
  /** The repository could not be read; nothing has changed. Mode `poll` only. */
  readonly scanFailed: InfernodeError;
}

export type EngineListener<E extends keyof EngineEvents> = (about: EngineEvents[E]) => void;

/** The listeners of an engine. */
export class EngineEmitter {
  readonly #emitter = new EventEmitter();

  on<E extends keyof EngineEvents>(event: E, listener: EngineListener<E>): void {
    this.#emitter.on(event, listener);
  }

  off<E extends keyof EngineEvents>(event: E, listener: EngineListener<E>): void {
    this.#emitter.off(event, listener);
  }

  /** Later, so that a listener that throws throws at nobody in the engine. */
  emit<E extends keyof EngineEvents>(event: E, about: EngineEvents[E]): void {
    queueMicrotask(() => this.#emitter.emit(event, about));
  }
}
