import type { BackendName, MemoryLayout } from '../backends/backend.js';
import type { SystemInfo } from '../config/system-info.js';
import type { ConversionReport } from '../conversion/candidate-protocol.js';
import type { Measurement } from '../conversion/measure.js';
import type { Accuracy } from './validator.js';

/** What became of one candidate. */
export interface CandidateResult {
  readonly name: string;
  readonly backend: BackendName;
  readonly precision: 'fp32' | 'bf16' | 'fp16' | 'int8';
  readonly threads: number;
  readonly layout?: MemoryLayout;
  /** Layers that stay in float32. */
  readonly exclude?: readonly string[];
  readonly verdict: 'chosen' | 'right' | 'inaccurate' | 'failed' | 'skipped';
  /** Why that verdict. */
  readonly reason: string;
  readonly accuracy?: Accuracy;
  readonly measurement?: Measurement;
  /** Of the model's file. */
  readonly fileBytes?: number;
  readonly conversion?: ConversionReport;
}

/** A candidate in interleaved rounds with the others; medians of calls in milliseconds, one for each round. */
export interface PlayOffResult {
  readonly name: string;
  readonly roundsMs: readonly number[];
  /** The same beside a thread that never rests. */
  readonly busyRoundsMs: readonly number[];
  /** The medians of those; null for one that crashed. */
  readonly latencyMs: number | null;
  readonly busyLatencyMs: number | null;
}

/** What `optimize` found and did; also written as report.json. */
export interface OptimizeReport {
  readonly model: string;
  readonly objective: 'latency' | 'throughput' | 'memory';
  /** The most that top-1, or without labels the cosine, may fall. */
  readonly maxDrop: number;
  readonly system: SystemInfo;
  /** Of Infernode, Node.js, and the runtimes. */
  readonly versions: Readonly<Record<string, string>>;
  /** Names of the samples; none is in both lists. */
  readonly samples: { readonly calibration: readonly string[]; readonly validation: readonly string[] };
  /** The float model's accuracy, which the others are held against. */
  readonly reference: Accuracy;
  readonly candidates: readonly CandidateResult[];
  readonly chosen: string;
  /** Why that candidate, and what it fell back from. */
  readonly reason: string;
  /** The last comparison, of the candidates that came nearest to the best; empty where there was nothing to compare. */
  readonly playOff: readonly PlayOffResult[];
  /** What a reader should know before trusting the figures. */
  readonly warnings: readonly string[];
  /** The folder that was written; load it like any model. */
  readonly output: string;
  /** Whether the result came from the cache of earlier runs. */
  readonly cached: boolean;
  readonly seconds: number;
}

/** Where `optimize` is. */
export interface OptimizeProgress {
  readonly stage: 'samples' | 'reference' | 'build' | 'validate' | 'measure' | 'layers' | 'compare' | 'write' | 'done';
  /** The candidate at hand. */
  readonly candidate?: string;
  /** Of all the work, from 0 to 1. */
  readonly fraction: number;
}
