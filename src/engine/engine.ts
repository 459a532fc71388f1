import { type ModelConfig, parseModelConfig } from '../config/model-config.js';
import { InfernodeError, messageOf } from '../errors.js';
import { quoteName } from '../models/repository/model-name.js';
import type { ModelSource } from '../models/repository/model-source.js';
import { Repository } from '../models/repository/repository.js';
import { EngineEmitter, type EngineEvents, type EngineListener } from './engine-events.js';
import { type ControlMode, type EngineOptions, type FilledEngineOptions, fillEngineOptions } from './engine-options.js';
import type { InferRequest, InferResult } from './inference.js';
import { ConcurrencyLimit } from './lifecycle/concurrency-limit.js';
import { DeviceWatch } from './lifecycle/device-watch.js';
import { LifecycleSet } from './lifecycle/lifecycle-set.js';
import type { ModelEntry, ServedModel } from './lifecycle/model-entry.js';
import { RepositoryPoll } from './lifecycle/repository-poll.js';
import { RepositoryStart } from './lifecycle/repository-start.js';
import type { LoadNamedVersion } from './lifecycle/version-loader.js';
import { versionLoader } from './lifecycle/version-loader.js';

export type { EngineEvents } from './engine-events.js';
export type { ControlMode, EngineOptions } from './engine-options.js';
export type { ModelEntry, ModelState, ServedModel } from './lifecycle/model-entry.js';

/** A request to one of several models. */
export interface EngineRequest extends InferRequest {
  /** The newest that serves by default. */
  readonly version?: number;
}

/** Loading takes processors and memory from the models that serve. */
const LOADS_AT_ONCE = 2;

/** Several models behind one door. */
export class Engine {
  readonly mode: ControlMode;
  /** Resolves when every model that is to be loaded at the start has been tried. */
  readonly started: Promise<void>;
  readonly #repository: Repository;
  readonly #load: LoadNamedVersion;
  readonly #events = new EngineEmitter();
  readonly #models = new LifecycleSet((entry) => this.#tellState(entry));
  readonly #devices = new DeviceWatch(this.#models, (failure) => {
    this.#events.emit('deviceFailed', failure);
    this.#tellReady();
  });
  readonly #start: RepositoryStart;
  readonly #poll: RepositoryPoll;
  #wasReady = false;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  /** Loads what the mode says; a model that cannot be loaded is UNAVAILABLE and stops nobody. @throws INF_OPTION_INVALID */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = await Engine.start(options);
    await engine.started;
    return engine;
  }

  /** As `open`, but does not wait for the models: `started` does. @throws INF_OPTION_INVALID */
  static async start(options: EngineOptions): Promise<Engine> {
    const filled = fillEngineOptions(options);
    const repository = new Repository(filled.repository, filled.models);
    const sources = await repository.scan().catch((cause) => {
      throw new InfernodeError('INF_OPTION_INVALID', `Option repository: ${messageOf(cause)}`, { cause });
    });
    return new Engine(filled, repository, sources);
  }

  private constructor(options: FilledEngineOptions, repository: Repository, sources: readonly ModelSource[]) {
    this.mode = options.mode;
    this.#repository = repository;
    const load = versionLoader(options, new ConcurrencyLimit(LOADS_AT_ONCE));
    this.#load = (...version) => this.#noting(load(...version));
    this.#start = new RepositoryStart(options, sources, this.#models, this.#load);
    this.#poll = new RepositoryPoll(
      options.pollMs,
      () => repository.scan(),
      (change) => this.#start.follow(change).then(() => this.#tellReady()),
      (error) => this.#events.emit('scanFailed', error),
    );
    for (const source of sources) this.#models.make(source.name).learn(source);
    if (options.mode === 'poll') this.#poll.start(sources);
    this.started = this.#start.done.then(() => this.#tellReady());
  }

  /**
   * Whether every model of the start serves, in one version at least, and the engine is not closing. Models of the start are
   * those of `startup` in mode `explicit`, else all that were in the repository then; not those that have been unloaded or
   * removed since, nor folders that have nothing of a model in them. One that failed to load keeps this false until it is
   * mended. A reload that failed does not make it false, nor does a model that came later. A GPU that failed for good does.
   */
  get ready(): boolean {
    return !this.#isClosing && this.failure === null && this.#start.hasSucceeded;
  }

  /** What a GPU has failed with for good: the process must be started again. Null as long as that has not happened. */
  get failure(): InfernodeError | null {
    return this.#devices.failure;
  }

  /** The models of the start that do not serve, each in its newest version, in the order of names: what `ready` waits for. */
  awaited(): ModelEntry[] {
    const names = this.#start.awaited.sort();
    return names.flatMap((name) => this.#models.get(name)?.entries().at(-1) ?? []);
  }

  /** Every version of every model, served or not, in the order of names and versions. */
  models(): ModelEntry[] {
    return this.#models.all().flatMap((lifecycle) => lifecycle.entries());
  }

  /** Every version that answers, in the same order. */
  served(): ServedModel[] {
    return this.#models.all().flatMap((lifecycle) => {
      const ready = lifecycle.entries().filter(({ state }) => state === 'READY');
      return ready.map(({ version }) => lifecycle.find(version!));
    });
  }

  /** @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_NOT_READY, INF_SHUTTING_DOWN */
  model(name: string, version?: number): ServedModel {
    this.#checkOpen();
    return this.#models.known(name).find(version);
  }

  /** @throws InfernodeError as `Model.infer` does, and INF_MODEL_NOT_FOUND, INF_MODEL_NOT_READY, INF_SHUTTING_DOWN */
  async infer(name: string, request: EngineRequest): Promise<InferResult> {
    const { version, ...rest } = request;
    for (;;) {
      const { model } = this.model(name, version);
      try {
        return await this.#noting(model.infer(rest));
      } catch (error) {
        // It was replaced before the request got to it, which therefore never ran.
        const missed = error instanceof InfernodeError && error.code === 'INF_MODEL_CLOSED';
        if (!missed || this.model(name, version).model === model) throw error;
      }
    }
  }

  /**
   * Loads a model, or loads it anew: the old one serves until the new one is ready, and goes on if that fails.
   *
   * @param config instead of its model.json
   * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_FORBIDDEN unless the mode is `explicit`, and as `load` does;
   *   INF_MODEL_NOT_READY if it is unloaded meanwhile, INF_SHUTTING_DOWN
   */
  async loadModel(name: string, config?: ModelConfig): Promise<void> {
    this.#checkControl('loaded');
    const override = config === undefined ? undefined : parseModelConfig(config, `the config of ${quoteName(name)}`);
    const plan = async () => {
      const source = await this.#repository.find(name, override);
      if (source === null) throw this.#models.notFound(name);
      return { source, load: this.#load, anew: true };
    };
    if (this.#models.get(name) === undefined) await plan();
    this.#checkOpen();
    await this.#models.make(name).load(JSON.stringify(override) ?? '', plan);
  }

  /**
   * Lets the requests that it has finish, then frees the model. A load that is under way is given up.
   *
   * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_FORBIDDEN unless the mode is `explicit`, INF_SHUTTING_DOWN
   */
  async unloadModel(name: string): Promise<void> {
    this.#checkControl('unloaded');
    const lifecycle = this.#models.known(name);
    this.#start.dismiss(name);
    this.#tellReady();
    await lifecycle.unload('it was unloaded');
  }

  /** Calls `listener` at each such event, soon after what caused it. */
  on<E extends keyof EngineEvents>(event: E, listener: EngineListener<E>): this {
    this.#events.on(event, listener);
    return this;
  }

  off<E extends keyof EngineEvents>(event: E, listener: EngineListener<E>): this {
    this.#events.off(event, listener);
    return this;
  }

  /** Takes no more requests, gives up loads, lets the requests that it has finish, and frees all models. Idempotent. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** `await using engine = await Engine.open(...)` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#tellReady();
    await this.#poll.stop();
    await Promise.all(this.#models.all().map((lifecycle) => lifecycle.close(shuttingDown())));
    await this.started;
  }

  async #noting<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#devices.note(error);
      throw error;
    }
  }

  #checkOpen(): void {
    if (this.#isClosing) throw shuttingDown();
  }

  #checkControl(done: string): void {
    this.#checkOpen();
    if (this.mode === 'explicit') return;
    const message = `Models are ${done} on request in mode explicit only; this engine's is ${this.mode}`;
    throw new InfernodeError('INF_FORBIDDEN', message);
  }

  #tellState(entry: ModelEntry): void {
    this.#events.emit('state', entry);
    this.#tellReady();
  }

  #tellReady(): void {
    const { ready } = this;
    if (ready === this.#wasReady) return;
    this.#wasReady = ready;
    this.#events.emit('ready', ready);
  }
}

function shuttingDown(): InfernodeError {
  return new InfernodeError('INF_SHUTTING_DOWN', 'The engine is closing');
}
