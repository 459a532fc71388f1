import type { BackendName, MemoryLayout, ModelFormat } from '../backends/backend.js';
import type { Build, SampleInputs } from './build.js';

/** How a child process loads a candidate. */
export interface CandidateFile {
  readonly backend: BackendName;
  readonly file: string;
  readonly format: ModelFormat;
  readonly precision: 'auto' | 'bf16';
  readonly layout: MemoryLayout;
  readonly threads: number;
  readonly libtorch: string | undefined;
}

/** What a parent asks its child, one after the other; tensors are plain objects {dtype, shape, data} on the way. */
export type Request =
  | { readonly type: 'load'; readonly candidate: CandidateFile }
  | { readonly type: 'run'; readonly inputs: SampleInputs }
  | { readonly type: 'measure'; readonly one: SampleInputs; readonly batch: SampleInputs | null }
  | { readonly type: 'latency'; readonly inputs: SampleInputs; readonly milliseconds: number; readonly busy: boolean }
  | { readonly type: 'layers'; readonly build: Build; readonly libtorch: string | undefined }
  | { readonly type: 'convert'; readonly build: Build; readonly target: string; readonly libtorch: string | undefined }
  /** Shows the conversion that was begun a sample. */
  | { readonly type: 'sample'; readonly inputs: SampleInputs }
  /** Ends it. */
  | { readonly type: 'finish' };

/** What a conversion did: converted operations by name, and those with weights that stay as they were. */
export interface ConversionReport {
  readonly converted: Readonly<Record<string, number>>;
  readonly left: Readonly<Record<string, number>>;
}
