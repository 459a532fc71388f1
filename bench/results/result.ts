import type { Peak } from '#src/benchmark/peaks';
import type { MatmulPrecision } from '#src/benchmark/protocol';
import type { SystemInfo } from '#src/config/system-info';
import type { Agreement } from '../contestants/agree.js';
import type { PrecisionClass } from '../contestants/catalogue.js';
import type { BenchPlan } from '../plan.js';
import type { Scenario } from '../scenarios/scenario.js';

/** What a run found: bench/results/*.json. docs/BENCH.md explains it. */
export interface BenchResult {
  /** Raised when a field changes its meaning or goes. */
  readonly schemaVersion: 2;
  /** When it began, as ISO 8601. */
  readonly date: string;
  readonly seconds: number;
  readonly machine: SystemInfo;
  /** Of Infernode, Node.js, and the runtimes below Infernode. */
  readonly versions: Readonly<Record<string, string>>;
  /** Rounds, times and sizes. */
  readonly plan: BenchPlan;
  /** Threads of one inference. */
  readonly threads: number;
  /** The cores of servers and of the load generator; null where they were not kept apart. */
  readonly cores: { readonly servers: string; readonly load: string } | null;
  /** Whether cores were kept from going idle, but for the scenario Asleep and for models that are `asleep`. */
  readonly coresAwake: boolean;
  readonly models: readonly {
    readonly name: string;
    readonly title: string;
    /** Billions of operations for one sample, a multiplication and its addition being two; null where not known. */
    readonly gops: number | null;
    /** The bound of the scenario Server. */
    readonly boundMs: number;
    /** Whether cores could go idle all the time, for calls that take less than a millisecond. Missing in results of before. */
    readonly asleep?: boolean;
    /** In how many sittings it was measured. */
    readonly sittings: number;
    /** In how many its servers were; 0 where none were. */
    readonly serverSittings: number;
  }[];
  readonly contestants: readonly ContestantResult[];
  /** The best products and convolutions, measured in the same rounds. */
  readonly limits: readonly Peak[];
  readonly measurements: readonly Measured[];
}

export interface ContestantResult {
  readonly name: string;
  readonly isOurs: boolean;
  readonly precision: PrecisionClass;
  /** What its multiplications are computed in; null where that is not known, or mixed. */
  readonly computesIn: MatmulPrecision | null;
  readonly model: string;
  /** What computed, and its versions and settings; empty where it was absent. */
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: string;
  /** How near its answer came to that of the first contestant in fp32. */
  readonly agreement: Agreement | null;
  /** Why it took no part; null where it did. */
  readonly absent: string | null;
}

/** A figure of one contestant. */
export interface Measured {
  readonly scenario: Scenario;
  readonly model: string;
  readonly contestant: string;
  readonly precision: PrecisionClass;
  /** Samples in a call, clients, or calls in flight; null where there is no such choice. */
  readonly at: number | null;
  /**
   * One for each round, in the scenario's unit. The n-th rounds of all contestants were measured next to each other; null where it
   * took no part in the n-th.
   */
  readonly rounds: readonly (number | null)[];
  /** How many calls or queries the figures are of, over all rounds. */
  readonly calls: number;
}
