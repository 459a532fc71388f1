import { existsSync, readFileSync, renameSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Peak } from '#src/benchmark/peaks';
import { joinRounds } from '../scenarios/rounds.js';
import type { Scenario } from '../scenarios/scenario.js';
import { type Line, linesOf, saysLittle } from './lines.js';
import { paceOf } from './pace.js';
import { readResult } from './read-result.js';
import type { BenchResult, Measured } from './result.js';

/** What a model, or the servers of one, add to a result. */
type Part = Partial<Pick<BenchResult, 'coresAwake' | 'models' | 'contestants' | 'limits' | 'measurements'>>;

/**
 * A result that is kept after each of its parts, for a whole run takes long: in a file beside, FILE.part, until it is finished. So
 * a run that is given up leaves the result that was there before.
 */
export class ResultFile {
  #began = performance.now();

  private constructor(
    private readonly file: string,
    public result: BenchResult,
    private readonly isResumed: boolean,
  ) {}

  /**
   * @param resume whether to go on with what a run before left, unfinished or finished
   * @throws an error if that is of another plan, machine or version
   */
  static open(file: string, resume: boolean, empty: BenchResult): ResultFile {
    const left = [partOf(file), file].find((each) => existsSync(each));
    if (!resume || left === undefined) return new ResultFile(file, empty, false);
    const earlier = readResult(readFileSync(left, 'utf8'));
    const kind = ({ plan, versions, machine, threads }: BenchResult) =>
      JSON.stringify([plan, versions, machine.cpu, machine.cores, threads]);
    if (kind(earlier) !== kind(empty))
      throw new Error(`${left} is of another plan, machine or version: leave --resume out`);
    return new ResultFile(file, earlier, true);
  }

  /** Starts the clock: what was prepared until now is not counted in the result's seconds. */
  begin(): void {
    const part = partOf(this.file);
    // What a run left that was given up is hours of work: whoever forgets to resume it can still put it back.
    if (!this.isResumed && existsSync(part)) renameSync(part, `${part}.old`);
    this.#began = performance.now();
  }

  /** In how many sittings a model was measured. */
  sittingsOf(name: string): number {
    return this.result.models.find((model) => model.name === name)?.sittings ?? 0;
  }

  /** In how many sittings its servers were. */
  serverSittingsOf(name: string): number {
    return this.result.models.find((model) => model.name === name)?.serverSittings ?? 0;
  }

  /** What was measured of a model, but for its servers. */
  measuredOf(name: string): readonly Measured[] {
    return this.result.measurements.filter((each) => each.model === name && !isOfServers(each));
  }

  /** What was measured of its servers. */
  serversOf(name: string): readonly Measured[] {
    return this.result.measurements.filter((each) => each.model === name && isOfServers(each));
  }

  /** Whether a ratio of a model says little yet, but for its servers. */
  saysLittle(name: string): boolean {
    return this.#linesOf(name).some(saysLittle);
  }

  /** Whether calls of a model are quick. */
  isQuick(name: string): boolean {
    return this.#linesOf(name).some(({ ours }) => paceOf(ours) === 'quick');
  }

  hasOverhead(): boolean {
    return this.result.measurements.some(({ scenario }) => scenario === 'Overhead');
  }

  #linesOf(name: string): Line[] {
    return linesOf(this.result).filter((line) => line.model === name && !isOfServers(line));
  }

  /**
   * Adds a part, and keeps all there is so far. Rounds join those that were measured before; of all else that is said anew the
   * newest counts.
   */
  async add({ coresAwake, models = [], contestants = [], limits = [], measurements = [] }: Part): Promise<void> {
    const { result } = this;
    this.result = {
      ...result,
      seconds: result.seconds + Math.round((performance.now() - this.#began) / 1000),
      coresAwake: coresAwake ?? result.coresAwake,
      models: replaced(result.models, models, ({ name }) => name),
      contestants: replaced(result.contestants, contestants, ({ name, model }) => JSON.stringify([name, model])),
      limits: replaced(
        result.limits,
        limits.map((each) => better(each, result.limits)),
        limitKey,
      ),
      measurements: joinRounds(result.measurements, measurements),
    };
    this.#began = performance.now();
    await mkdir(dirname(this.file), { recursive: true });
    const part = partOf(this.file);
    await writeFile(`${part}.new`, `${JSON.stringify(this.result, null, 2)}\n`);
    await rename(`${part}.new`, part);
  }

  /** Puts the result in its place. */
  async finish(): Promise<void> {
    await rename(partOf(this.file), this.file);
  }
}

function isOfServers({ scenario }: { readonly scenario: Scenario }): boolean {
  return scenario === 'Server' || scenario === 'Concurrency';
}

function partOf(file: string): string {
  return `${file}.part`;
}

/** The limit of whichever process came further: one that goes on with a run has not seen the rounds before. */
function better(newer: Peak, all: readonly Peak[]): Peak {
  const older = all.find((each) => limitKey(each) === limitKey(newer)) ?? newer;
  return (older.gops?.max ?? 0) > (newer.gops?.max ?? 0) ? older : newer;
}

function limitKey({ operation, backend, precision }: Peak): string {
  return JSON.stringify([operation, backend, precision]);
}

/** The newer ones in the places of those that have the same key. */
function replaced<T>(older: readonly T[], newer: readonly T[], key: (each: T) => string): T[] {
  return [...new Map([...older, ...newer].map((each) => [key(each), each])).values()];
}
