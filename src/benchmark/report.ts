import type { SystemInfo } from '../config/system-info.js';
import type { Agreement } from './agreement.js';
import type { Latency, Spread } from './figures.js';
import type { Peak } from './peaks.js';
import type { LoopDelay, MatmulPrecision, Memory } from './protocol.js';

/** What a benchmark found; docs/BENCH.md says what each figure means. Times are in milliseconds, memory in bytes. */
export interface BenchmarkReport {
  /** Raised when a field changes its meaning or goes. */
  readonly schemaVersion: 1;
  /** When it began, as ISO 8601. */
  readonly date: string;
  readonly machine: SystemInfo;
  /** Of this package, of Node.js, and of the runtimes. */
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: {
    readonly rounds: number;
    /** Of each figure of each contestant, over all rounds. */
    readonly seconds: number;
    readonly threads: number;
    readonly batch: readonly number[];
    readonly concurrency: readonly number[];
    /** As asked for; null for what the model says. */
    readonly precision: string | null;
  };
  readonly model: {
    readonly path: string;
    readonly file: string;
    readonly format: string;
    readonly backend: string;
    readonly device: string;
    readonly reason: string;
    /** What its multiplications are computed in; null for others than these. */
    readonly precision: MatmulPrecision | null;
    /** The method that was called. */
    readonly method: string;
  };
  readonly inputs: {
    readonly source: 'given' | 'made up';
    readonly values: readonly {
      readonly name: string;
      readonly type: string;
      readonly shape: readonly number[] | null;
    }[];
  };
  /** `infernode`; then what it was measured against, if that could run. */
  readonly contestants: readonly ContestantReport[];
  /** Null without `--against`. */
  readonly against: AgainstReport | null;
  readonly matmul: {
    readonly side: number;
    readonly peaks: readonly Peak[];
    /** Operations of a single call, in billions; null where they are not known. */
    readonly gopsOfCall: number | null;
    /** Why shares are not known; null where they are. */
    readonly reason: string | null;
  };
  /** A convolution with as many filters as channels, on pictures of `side` pixels. */
  readonly convolution: {
    readonly rows: number;
    readonly channels: number;
    readonly side: number;
    readonly kernel: number;
    readonly peaks: readonly Peak[];
  };
}

export interface ContestantReport {
  readonly name: 'infernode' | 'onnxruntime-node';
  readonly file: string;
  /** From the start of a process to the first answer; the two parts of it after Node.js has started. */
  readonly coldStart: Spread;
  readonly load: Spread;
  readonly firstRun: Spread;
  readonly memory: { readonly loaded: number; readonly peak: Memory['peak'] };
  readonly latency: Latency;
  readonly loopDelay: LoopDelay;
  readonly batches: readonly BatchReport[];
  readonly concurrency: readonly ConcurrencyReport[];
}

/** Shares of what the machine does at most in the same precision; null where that, or the operations of a call, are not known. */
export interface Shares {
  /** Of the best product of matrices. */
  readonly share: number | null;
  readonly shareOfConvolution: number | null;
}

export interface BatchReport extends Shares {
  readonly batch: number;
  /** These and the shares are null where the model does not take such a batch, and why. */
  readonly call: Latency | null;
  readonly inferencesPerSecond: Spread | null;
  readonly reason: string | null;
}

export interface ConcurrencyReport {
  readonly clients: number;
  readonly inferencesPerSecond: Spread;
  readonly latency: Latency;
  /** Requests in one call of the model on average; null where the runtime joins none. */
  readonly batchSize: number | null;
}

export interface AgainstReport {
  readonly name: 'onnxruntime-node';
  /** Why it could not be measured; null if it was. */
  readonly absent: string | null;
  readonly agreement: Agreement | null;
  /** How many times as fast `infernode` is, by the rounds: its time goes below the line, its throughput above. */
  readonly ratios: Ratios | null;
}

export interface Ratios {
  readonly coldStart: Spread;
  readonly latency: Spread;
  readonly batches: readonly { readonly batch: number; readonly ratio: Spread }[];
  readonly concurrency: readonly { readonly clients: number; readonly ratio: Spread }[];
}
