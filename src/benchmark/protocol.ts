import type { Signature } from '../backends/backend.js';
import type { ModelConfig } from '../config/model-config.js';
import type { SampleInputs } from '../conversion/build.js';
import type { LoadOptions } from '../engine/load-options.js';

/** What a process holds: a model, loaded by this SDK or by onnxruntime-node alone. */
export type Subject =
  | {
      readonly runtime: 'infernode';
      readonly path: string;
      readonly options: Pick<LoadOptions, 'backend' | 'device' | 'precision' | 'threads' | 'libtorch' | 'batching'>;
      /** The method to call; `forward`, or the first, by default. */
      readonly method?: string;
    }
  | { readonly runtime: 'onnxruntime-node'; readonly file: string; readonly threads: number };

/** What a parent asks a process, one after the other. Tensors are plain objects {dtype, shape, data} on the way. */
export type Request =
  | { readonly type: 'open'; readonly subject: Subject }
  /** Keeps inputs, for `calls` to name by their number: they travel once. Number 0 is that of single calls. */
  | { readonly type: 'give'; readonly inputs: readonly SampleInputs[] }
  /** The first call, in milliseconds; it does what the runtime puts off until then. */
  | { readonly type: 'first' }
  /** The outputs of the first call, or of a call on other inputs. */
  | { readonly type: 'outputs'; readonly inputs: SampleInputs | null }
  | { readonly type: 'calls'; readonly input: number; readonly milliseconds: number }
  | { readonly type: 'clients'; readonly clients: number; readonly milliseconds: number }
  | { readonly type: 'loop'; readonly milliseconds: number }
  | { readonly type: 'memory' }
  /** Of a model of this SDK: what it takes. */
  | { readonly type: 'scout' };

export interface Opened {
  readonly loadMs: number;
  /** The file that was loaded: of a folder, or converted. */
  readonly file: string;
  readonly threads: number;
}

/** What there is to know of a model before it is measured. */
export interface Scouted extends Opened {
  /** The method that is called. */
  readonly method: string;
  readonly format: string;
  readonly backend: string;
  readonly device: string;
  readonly reason: string;
  readonly stateful: boolean;
  readonly signature: Signature;
  readonly config: ModelConfig | null;
  /** What its multiplications are computed in; null where that is none of them. */
  readonly precision: MatmulPrecision | null;
  /** Made-up inputs that it takes, null if there are none. */
  readonly madeUp: SampleInputs | null;
  /** How many rows a call may have, and why. */
  readonly rows: { readonly most: number; readonly reason: string; readonly isCertain: boolean };
}

export type MatmulPrecision = 'fp32' | 'bf16' | 'int8';

/** Calls of several clients at once, each of which makes its next call when the last was answered. */
export interface ClientCalls {
  readonly durations: readonly number[];
  readonly elapsedMs: number;
  /** Requests that the model had in one call on average; null where the runtime joins none. */
  readonly batchSize: number | null;
}

/** How late the event loop was while calls ran back to back, in milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Resident memory of the process, in bytes. */
export interface Memory {
  readonly now: number;
  readonly peak: number;
}
