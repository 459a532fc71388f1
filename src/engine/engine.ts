import type { BatchingConfig } from '../config/batching.js';
import type { ModelConfig } from '../config/model-config.js';
import { InfernodeError } from '../errors.js';
import type { InferRequest, InferResult } from './inference.js';
import { load } from './load.js';
import type { LoadOptions } from './load-options.js';
import type { Model } from './model.js';
import type { ModelObserver } from './observer.js';

/** Who decides which models of the repository are loaded: nobody after the start, requests, or the folder itself. */
export type ControlMode = 'none' | 'explicit' | 'poll';

/** Which models to serve, and how. */
export interface EngineOptions extends Omit<LoadOptions, 'signal'> {
  /** A folder of models: `<name>/<version>/model.*`, `<name>/model.*` or `<name>.*`. */
  readonly repository?: string;
  /** Models by name, besides those of the repository: paths of files or model folders. */
  readonly models?: Readonly<Record<string, string>>;
  /**
   * `none`, the default, loads every model at the start. `explicit` loads `startup` only, the others by `loadModel`. `poll`
   * follows the folder.
   */
  readonly mode?: ControlMode;
  /** The models to load at the start in mode `explicit`. */
  readonly startup?: readonly string[];
  /** Milliseconds between two looks at the folder in mode `poll`; 2000 by default. */
  readonly pollMs?: number;
  /** What holds for models whose model.json does not say otherwise. */
  readonly batching?: BatchingConfig;
  /** Is told what each version of a model does. */
  readonly observe?: (name: string, version: number) => ModelObserver;
}

/** Where a version of a model stands. */
export type ModelState = 'LOADING' | 'READY' | 'UNLOADING' | 'UNAVAILABLE';

/** One line of the repository's index. */
export interface ModelEntry {
  readonly name: string;
  /** Null where no version is known: the model was never loaded, or has none. */
  readonly version: number | null;
  readonly state: ModelState;
  /** Why it is not ready; empty for a ready one. */
  readonly reason: string;
}

/** A model that serves. */
export interface ServedModel {
  readonly name: string;
  readonly version: number;
  /** All versions that serve, in ascending order. */
  readonly versions: readonly number[];
  readonly model: Model;
}

/** A request to one of several models. */
export interface EngineRequest extends InferRequest {
  /** The newest that serves by default. */
  readonly version?: number;
}

/** Several models behind one door. */
export class Engine {
  private readonly served = new Map<string, Model>();

  /** Loads what the mode says; a model that cannot be loaded is UNAVAILABLE and stops nobody. @throws INF_OPTION_INVALID */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options.mode ?? 'none');
    const {
      models = {},
      mode: _,
      repository: __,
      startup: ___,
      pollMs: ____,
      batching: _____,
      observe: ______,
      ...rest
    } = options;
    for (const [name, path] of Object.entries(models)) engine.served.set(name, await load(path, rest));
    return engine;
  }

  private constructor(readonly mode: ControlMode) {}

  /** Whether every model that was to be loaded at the start is ready, and the engine is not closing. */
  get ready(): boolean {
    return true;
  }

  /** Every version of every model, served or not, in the order of names and versions. */
  models(): ModelEntry[] {
    return [...this.served.keys()].map((name) => ({ name, version: 1, state: 'READY', reason: '' }));
  }

  /** @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_NOT_READY */
  model(name: string, version?: number): ServedModel {
    const model = this.served.get(name);
    if (model === undefined || (version ?? 1) !== 1)
      throw new InfernodeError('INF_MODEL_NOT_FOUND', `There is no model "${name}"`);
    return { name, version: 1, versions: [1], model };
  }

  /** @throws InfernodeError as `Model.infer` does, and INF_MODEL_NOT_FOUND, INF_MODEL_NOT_READY, INF_SHUTTING_DOWN */
  async infer(name: string, request: EngineRequest): Promise<InferResult> {
    const { version, ...rest } = request;
    return this.model(name, version).model.infer(rest);
  }

  /**
   * Loads a model, or loads it anew: the old one serves until the new one is ready, and goes on if that fails.
   *
   * @param config instead of its model.json
   * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_FORBIDDEN unless the mode is `explicit`, and as `load` does
   */
  async loadModel(_name: string, _config?: ModelConfig): Promise<void> {
    throw new InfernodeError('INF_FORBIDDEN', 'Models are loaded on request in mode explicit only');
  }

  /** Lets the requests that it has finish, then frees the model. @throws InfernodeError INF_MODEL_NOT_FOUND, INF_FORBIDDEN */
  async unloadModel(_name: string): Promise<void> {
    throw new InfernodeError('INF_FORBIDDEN', 'Models are unloaded on request in mode explicit only');
  }

  /** Takes no more requests, lets those that it has finish, and frees all models. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([...this.served.values()].map((model) => model.close()));
  }
}
