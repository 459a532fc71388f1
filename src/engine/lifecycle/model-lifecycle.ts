import { InfernodeError, messageOf } from '../../errors.js';
import { type ModelSource, selectVersions, type VersionSource } from '../../models/repository/model-source.js';
import type { ModelEntry, ServedModel } from './model-entry.js';
import { OperationQueue } from './operation-queue.js';
import type { LoadNamedVersion } from './version-loader.js';
import { VersionSlot } from './version-slot.js';

/** What to load. `anew` loads what serves and has not changed as well. */
export interface LoadPlan {
  readonly source: ModelSource;
  readonly load: LoadNamedVersion;
  readonly anew: boolean;
}

const EXCLUDED = 'it is not among the versions that are to serve';

/** One model, all its versions, and what is being done to it. */
export class ModelLifecycle {
  #slots: readonly VersionSlot[] = [];
  /** What is wrong where no version is known. */
  #problem = 'it has not been loaded';
  /** The versions that are to serve; null where nothing is loaded. */
  #wanted: readonly number[] | null = null;
  readonly #queue: OperationQueue;
  /** Models that no longer serve and still answer. */
  readonly #retired = new Set<Promise<void>>();

  constructor(
    readonly name: string,
    private readonly onState: (entry: ModelEntry) => void,
  ) {
    this.#queue = new OperationQueue(name);
  }

  /** In ascending order of versions. */
  entries(): ModelEntry[] {
    if (this.#slots.length > 0) return this.#slots.map((slot) => this.#entryOf(slot));
    return [{ name: this.name, version: null, state: 'UNAVAILABLE', reason: this.#problem }];
  }

  /** Whether there is a version that answers. */
  get serves(): boolean {
    return this.#slots.some(({ model }) => model !== null);
  }

  /** Whether a version that answers computes on a GPU. */
  get usesGpu(): boolean {
    return this.#slots.some(({ model }) => model !== null && model.info.device !== 'cpu');
  }

  /** @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_NOT_READY */
  find(version?: number): ServedModel {
    const serving = this.#slots.filter(({ model }) => model !== null);
    const slot = version === undefined ? serving.at(-1) : this.#slots.find((other) => other.version === version);
    const versions = serving.map((other) => other.version);
    if (slot?.model) return { name: this.name, version: slot.version, versions, model: slot.model };
    if (slot !== undefined && this.#isWanted(slot)) {
      throw this.#notReady(`Version ${version} of model "${this.name}"`, slot.reason);
    }
    if (version === undefined) {
      throw this.#notReady(`Model "${this.name}"`, this.#slots.at(-1)?.reason ?? this.#problem);
    }
    const served = versions.length > 0 ? `; versions that serve: ${versions.join(', ')}` : '';
    const model = `model "${this.name}"`;
    const problem =
      slot === undefined
        ? `There is no version ${version} of ${model}`
        : `Version ${version} of ${model} does not serve: ${EXCLUDED}`;
    const message = problem + served;
    throw new InfernodeError('INF_MODEL_NOT_FOUND', message, { details: { name: this.name, given: String(version) } });
  }

  /** Notes which versions there are, without loading any. */
  learn(source: ModelSource): void {
    const versions = source.versions.map(({ version }) => version);
    this.#slots = this.#slots.filter((slot) => slot.model !== null || versions.includes(slot.version));
    this.#slots = this.#slotsOf(versions);
    if (source.problem !== null) this.#fail(source.problem);
  }

  /**
   * Loads what is to serve and is new or changed, then lets go of what no longer is. Each version takes over when it is
   * warm. If one fails, all that served goes on.
   *
   * @param key what tells two loads apart: an equal one that waits is joined
   * @param plan asked when its turn has come
   */
  load(key: string, plan: () => Promise<LoadPlan>): Promise<void> {
    const run = async (signal: AbortSignal) => {
      const planned = await plan().catch((error) => {
        this.#fail(error);
        throw error;
      });
      await this.#load(planned, signal);
    };
    return this.#queue.push({ kind: 'load', key, run });
  }

  /** Resolves when requests in flight have been answered and the model is freed. Gives up loads that are under way. */
  unload(reason: string): Promise<void> {
    const run = async () => {
      this.#wanted = null;
      await Promise.all([...this.#slots.map((slot) => slot.unload(reason)), ...this.#retired]);
      this.#problem = reason;
    };
    return this.#queue.push({ kind: 'unload', key: '', run });
  }

  /** As `unload`, for good: operations that wait fail with `error`. */
  async close(error: InfernodeError): Promise<void> {
    await this.#queue.stop(error);
    await Promise.all([...this.#slots.map((slot) => slot.unload(error.message)), ...this.#retired]);
  }

  async #load({ source, load, anew }: LoadPlan, signal: AbortSignal): Promise<void> {
    // Otherwise reloads under slow requests would pile up models.
    await Promise.all(this.#retired);
    signal.throwIfAborted();
    // Whoever deletes all versions wants them gone; whoever asks to load what is not there is mistaken.
    if (source.isEmpty && !anew) {
      this.#problem = messageOf(source.problem);
      return this.#retire([], [], this.#problem);
    }
    this.learn(source);
    if (source.problem !== null) throw source.problem;
    const wanted = selectVersions(
      source.versions.map(({ version }) => version),
      source.selection,
    );
    this.#slots = this.#slotsOf(wanted);
    this.#wanted = wanted;
    const results = await Promise.allSettled(
      [...wanted].reverse().map((version) => this.#loadVersion(version, source, { load, anew, signal })),
    );
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    this.#retire(source.versions, wanted, EXCLUDED);
  }

  async #loadVersion(
    version: number,
    source: ModelSource,
    { load, anew, signal }: { load: LoadNamedVersion; anew: boolean; signal: AbortSignal },
  ): Promise<void> {
    const slot = this.#slots.find((other) => other.version === version)!;
    const found = source.versions.find((other) => other.version === version);
    if (found === undefined) {
      const error = new InfernodeError('INF_MODEL_NOT_FOUND', `${source.path} has no version ${version}`);
      slot.fail(error.message);
      throw error;
    }
    if (!anew && slot.has(found)) return;
    const old = await slot.load(found, load.bind(null, this.name), signal);
    if (old !== null) this.#letGo(old.close());
  }

  /** Unloads the versions that are not to serve, and forgets those that are no longer there. */
  #retire(versions: readonly VersionSource[], wanted: readonly number[], reason: string): void {
    const unloads = this.#slots.filter(({ version }) => !wanted.includes(version)).map((slot) => slot.unload(reason));
    const forgotten = this.#slots.filter(({ version }) => !versions.some((other) => other.version === version));
    const forget = () => {
      this.#slots = this.#slots.filter((slot) => !forgotten.includes(slot));
    };
    this.#letGo(Promise.all(unloads).then(forget));
  }

  /** Whether a version is to serve, as far as is known: others are not there for requests. */
  #isWanted({ version }: VersionSlot): boolean {
    return this.#wanted?.includes(version) ?? true;
  }

  #letGo(closing: Promise<void>): void {
    // A model that cannot be freed is no reason to fail anybody.
    const done: Promise<void> = closing.then(undefined, () => undefined).finally(() => this.#retired.delete(done));
    this.#retired.add(done);
  }

  /** The slots that there are, and new ones for other versions. */
  #slotsOf(versions: readonly number[]): readonly VersionSlot[] {
    const missing = versions.filter((version) => !this.#slots.some((slot) => slot.version === version));
    const made = missing.map((version) => new VersionSlot(version, (slot) => this.onState(this.#entryOf(slot))));
    return [...this.#slots, ...made].sort((a, b) => a.version - b.version);
  }

  #fail(problem: InfernodeError): void {
    this.#problem = messageOf(problem);
    for (const slot of this.#slots) slot.fail(this.#problem);
    if (this.#slots.length === 0) this.onState(this.entries()[0]!);
  }

  #entryOf({ version, state, reason }: VersionSlot): ModelEntry {
    return { name: this.name, version, state, reason };
  }

  #notReady(what: string, reason: string): InfernodeError {
    return new InfernodeError('INF_MODEL_NOT_READY', `${what} does not serve: ${reason}`, {
      details: { name: this.name },
    });
  }
}
