import type { BackendName, InputValue, MemoryLayout, ModelFormat } from '../backends/backend.js';

/** Inputs by name, as a call takes them. */
export type SampleInputs = Readonly<Record<string, InputValue>>;

/** How a model is made: everything about it but the threads that it will run on. */
export interface Build {
  /** What a person calls it: `torch int8 static mse`. Unique among the builds of one tuning. */
  readonly name: string;
  readonly backend: BackendName;
  /** The file to start from. */
  readonly source: string;
  readonly format: ModelFormat;
  readonly precision: 'fp32' | 'bf16' | 'fp16' | 'int8';
  /** Whether the file holds that precision already, and nothing is converted. */
  readonly asSaved?: boolean;
  /** Of INT8: `dynamic` measures activations in each call, `static` beforehand, on calibration samples. */
  readonly mode?: 'static' | 'dynamic';
  /** Of static INT8: how the range of an activation is told from what calibration shows. */
  readonly observer?: 'min-max' | 'percentile' | 'mse';
  /** Of INT8: 7 bits, for CPUs that sum products of 8 bits in 16. */
  readonly reduceRange?: boolean;
  /** Layers that stay in float32: submodules of a TorchScript program, nodes of an ONNX graph. */
  readonly exclude?: readonly string[];
  readonly layout?: MemoryLayout;
}

/** Whether a build needs a file of its own; else it is the source, loaded in another way. */
export function convertsFile({ precision, asSaved = false }: Build): boolean {
  if (asSaved) return false;
  return precision === 'int8' || precision === 'fp16';
}

/** The precision that the backend is told when it loads the build's file. */
export function loadPrecision({ precision, asSaved = false }: Build): 'auto' | 'bf16' {
  return precision === 'bf16' && !asSaved ? 'bf16' : 'auto';
}
