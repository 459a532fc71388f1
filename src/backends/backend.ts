import type { ErrorCode } from '../errors.js';
import type { DType } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/tensor.js';

/** The backends there are. */
export type BackendName = 'torch' | 'onnx';

/** What a model file is, told by its content (see models/format.ts). */
export type ModelFormat = 'torchscript' | 'aotinductor' | 'onnx';

/**
 * One size of a shape: a number, a symbol shared by dimensions that must be equal ("batch"), or null for any. `...`, only
 * ever first, stands for any number of dimensions.
 */
export type Dim = number | string | null;

/** One input or output of a method. */
export interface ValueInfo {
  /** Unique within its list. Elements of tuples, lists and dicts are named by their path: `hc0.0`, `output.1.0`. */
  readonly name: string;
  readonly kind: 'tensor' | 'int' | 'float' | 'bool' | 'string' | 'list' | 'tuple' | 'dict' | 'any';
  /** Null where the model does not say. */
  readonly dtype: DType | null;
  /** Null where the model does not say. */
  readonly shape: readonly Dim[] | null;
  /** True when a call may leave it out. */
  readonly optional: boolean;
  /** The type in the model's own words, such as `Tuple[Tensor, Tensor]` or `tensor(float)`. */
  readonly type: string;
  /** The elements of a tuple; the element type (one entry) of a list or dict. */
  readonly items?: readonly ValueInfo[];
  /** The largest size of each dimension where the model bounds it (AOTInductor packages), null elsewhere. */
  readonly maxShape?: readonly (number | null)[];
}

/** What a method takes and gives. */
export interface Signature {
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
}

/** What a loaded model is. */
export interface ModelInfo {
  readonly format: ModelFormat;
  readonly backend: BackendName;
  /** `cpu`, `cuda:N`, or several with commas between. */
  readonly device: string;
  /** Intra-op threads of one call. */
  readonly threads: number;
  /** How many calls run at once. */
  readonly instances: number;
  /** Every callable method by name; `forward` is what `run` calls by default. */
  readonly methods: Readonly<Record<string, Signature>>;
  /** True if calls change the model's own state, so that two equal calls may answer differently. */
  readonly stateful: boolean;
  /**
   * How far dtype and shape of the inputs bind: `declared` by the file and checked before a run, or `derived` from the
   * layers that consume them and used to explain a run that failed.
   */
  readonly signatureSource: 'declared' | 'derived';
  /** Number of operations by name. */
  readonly ops: Readonly<Record<string, number>>;
  /** Weights: number of elements, bytes, and elements by dtype. */
  readonly parameters: {
    readonly count: number;
    readonly bytes: number;
    readonly dtypes: Readonly<Record<string, number>>;
  };
  /** Producer, opset and the like, as the file states them. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** One argument of a call: a tensor, a scalar, nothing, or a tuple, list or dict of such. */
export type InputValue =
  | Tensor
  | number
  | bigint
  | boolean
  | string
  | null
  | undefined
  | readonly InputValue[]
  | { readonly [key: string]: InputValue };

/** Arguments by name (a name of `Signature.inputs`) or by position. */
export type Inputs = Readonly<Record<string, InputValue>> | readonly InputValue[];

/** Outputs by name, flattened; in the model's own order, but for names that are whole numbers, which come first in any object. */
export type Outputs = Record<string, Tensor>;

/** How to load a model; every field is settled by the caller. */
export interface SessionOptions {
  readonly device: string;
  /** Several devices to spread the instances over, `device` being the first. */
  readonly devices?: readonly string[];
  readonly threads: number;
  /** Up to so many calls run at once, each with `threads` threads. Default 1, the only one for a stateful model. */
  readonly instances?: number;
  /**
   * `auto` runs the file as it was saved. The others compute in that precision; inputs and outputs keep their dtypes. `fp16`
   * and `tf32` are for GPUs.
   */
  readonly precision?: 'auto' | 'fp32' | 'bf16' | 'fp16' | 'tf32';
  readonly layout?: MemoryLayout;
  /** Whether calls on a GPU are recorded as CUDA graphs and replayed; false by default. */
  readonly graphs?: boolean;
  /** Bytes that this process may take on each of the devices from now on. */
  readonly memoryLimit?: number;
}

/** What has become of a model's CUDA graphs, of which each executor has its own. */
export interface GraphState {
  readonly executors: readonly {
    /** Calls that are replayed, by signature: `0(float32[8,3,224,224])` is a call of method 0. Last used first. */
    readonly recorded: readonly string[];
    /** Calls that are computed each time, for they cannot be recorded. */
    readonly failures: readonly { readonly signature: string; readonly reason: string }[];
  }[];
  readonly replays: number;
  /** Calls that were computed, not replayed. */
  readonly computed: number;
  /** Graphs that were dropped for others. */
  readonly evicted: number;
}

/** How a model lies in memory; what is left out, the backend decides. Answers differ by rounding alone. */
export interface MemoryLayout {
  /** Images as NHWC. */
  readonly channelsLast?: boolean;
  /** Layers rewritten to faster ones. */
  readonly fuse?: boolean;
}

/**
 * Is told, before a call is answered, how many milliseconds the model itself computed: without the wait for a thread that was
 * busy, or for the event loop.
 */
export type OnComputed = (milliseconds: number) => void;

/** A model loaded by a backend. Calls of one session may overlap; one instance runs them one by one, in order. */
export interface Session {
  readonly info: ModelInfo;
  /** @throws InfernodeError INF_INPUT_*, INF_METHOD_UNKNOWN, INF_MODEL_FAILED, INF_ABORTED, INF_BACKEND_CRASHED */
  run(method: string, inputs: Inputs, signal?: AbortSignal, onComputed?: OnComputed): Promise<Outputs>;
  /** As `run`, but blocks the calling thread. */
  runSync(method: string, inputs: Inputs): Outputs;
  /** Null of a model that records none. */
  graphs?(): GraphState | null;
  /** Frees the model once its calls have finished; idempotent. Later calls fail with INF_MODEL_CLOSED. */
  close(): Promise<void>;
}

/** One place that was searched, and why it serves or not. */
export interface Attempt {
  readonly what: string;
  readonly path: string | null;
  readonly ok: boolean;
  readonly reason: string;
  /** What to do about it, where there is something. */
  readonly fix?: string;
}

/** Whether a backend works here. */
export interface BackendStatus {
  readonly name: BackendName;
  readonly available: boolean;
  /** Why it is unavailable, and what to do; for an available one, what it is. */
  readonly reason: string;
  /** The code of that reason, where it is more than that something is missing. */
  readonly code?: ErrorCode;
  readonly version: string | null;
  readonly devices: readonly string[];
  readonly formats: readonly ModelFormat[];
  readonly attempts: readonly Attempt[];
  /** What it says of GPUs, for people: versions, names, or why there is none. */
  readonly gpu?: Readonly<Record<string, string>>;
}

/** A runtime that loads models. */
export interface Backend {
  readonly name: BackendName;
  readonly formats: readonly ModelFormat[];
  /**
   * Never throws; tried once per process and remembered. `fresh` tries again what an earlier process, or this one, found
   * to work.
   */
  probe(options?: { readonly fresh?: boolean }): Promise<BackendStatus>;
  /** As `probe`, but sure that it loads models: what it needs is opened in this process, where it stays. Never throws. */
  prepare(): Promise<BackendStatus>;
  /**
   * @throws InfernodeError INF_MODEL_INVALID, INF_MODEL_UNSAFE, INF_BACKEND_UNAVAILABLE, INF_DEVICE_UNAVAILABLE;
   * INF_OPTION_INVALID for several instances of a stateful model
   */
  load(path: string, format: ModelFormat, options: SessionOptions): Promise<Session>;
}
