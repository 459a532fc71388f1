import type { InfernodeError } from '../../errors.js';
import type { ModelSource } from '../../models/repository/model-source.js';

/** What has become of a model: null when it is gone. */
export type ModelChange = readonly [name: string, source: ModelSource | null];

/** Looks at the repository again and again, and tells what has changed and then stayed so for one interval. */
export class RepositoryPoll {
  /** What has been told, and what was seen at the last look, by name. */
  readonly #told = new Map<string, string>();
  #seen = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  /**
   * @param scan looks at all models
   * @param onFailure is told when that fails; nothing changes then
   */
  constructor(
    private readonly intervalMs: number,
    private readonly scan: () => Promise<readonly ModelSource[]>,
    private readonly onChange: (change: ModelChange) => void,
    private readonly onFailure: (error: InfernodeError) => void,
  ) {}

  /** @param known what is being loaded already */
  start(known: readonly ModelSource[]): void {
    for (const source of known) this.#told.set(source.name, stampOf(source));
    this.#seen = new Map(this.#told);
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
  }

  /** The next look is planned when this one has ended, so they never overlap. */
  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().then(() => this.#schedule());
    }, this.intervalMs);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    let sources: readonly ModelSource[];
    try {
      sources = await this.scan();
    } catch (error) {
      this.onFailure(error as InfernodeError);
      return;
    }
    if (!this.#stopped) this.#compare(sources);
  }

  #compare(sources: readonly ModelSource[]): void {
    const found = new Map(sources.map((source) => [source.name, source]));
    const seen = new Map(sources.map((source) => [source.name, stampOf(source)]));
    for (const name of new Set([...seen.keys(), ...this.#told.keys()])) {
      const stamp = seen.get(name);
      if (stamp === this.#told.get(name) || stamp !== this.#seen.get(name)) continue;
      if (stamp === undefined) this.#told.delete(name);
      else this.#told.set(name, stamp);
      this.onChange([name, found.get(name) ?? null]);
    }
    this.#seen = seen;
  }
}

function stampOf({ versions, selection, problem }: ModelSource): string {
  const stamps = versions.map(({ version, stamp }) => [version, stamp]);
  return JSON.stringify([stamps, selection, problem?.message]);
}
