/** The functions of the native add-on, native/core/addon.cc. Nothing else in TypeScript talks to it untyped. */
export interface Addon {
  /** The version of the boundary to backends (INF_BACKEND_ABI). */
  readonly abi: number;
  /** Once per environment. Returns the numbers that `encodeCall` writes and `run` reads. */
  initialize(onComplete: OnComplete): Float64Array;
  resizeNumbers(length: number): Float64Array;
  /** Opens the framework's libraries, then the backend. Throws with the dynamic loader's reason. */
  openBackend(path: string, prerequisites: readonly string[]): BackendHandle;
  describeBackend(backend: BackendHandle): BackendDescription;
  /** Completes with the model's description, JSON text. */
  load(backend: BackendHandle, options: NativeLoadOptions, ticket: number): SessionHandle;
  /** What has happened in a model so far, JSON text. */
  state(session: SessionHandle): string;
  /** What NVIDIA's driver tells of the GPUs, JSON text; works without `initialize`. */
  gpuFigures(): Promise<string>;
  /** Quantizes a model that was loaded with a recipe, into the file `target`. Completes with a report, JSON text. */
  convert(session: SessionHandle, target: string, ticket: number): void;
  /**
   * Completes with outputs. `values` must stay untouched until then. True if the call stayed on this thread and has completed:
   * then `deliver` is to be called in the next turn of the event loop.
   */
  run(session: SessionHandle, method: number, numbersUsed: number, values: readonly unknown[], ticket: number): boolean;
  /** Calls `onComplete` for all that has completed. */
  deliver(onComplete: OnComplete): void;
  runSync(session: SessionHandle, method: number, numbersUsed: number, values: readonly unknown[]): FlatOutputs;
  /** True if the call was still waiting; then it will not complete. */
  cancel(session: SessionHandle, ticket: number): boolean;
  /** Completes when the model is freed; to be called when no call of the session is in flight. */
  unload(session: SessionHandle, ticket: number): void;
  /**
   * Drops the waiting calls of this environment, which never complete, and waits for the running ones. After the limit the
   * process is set to end without destroying libtorch's static objects under it.
   */
  drainBeforeExit(limitMs: number): void;
  /** Tells V8 that native memory grew or shrank, in bytes. */
  adjustMemory(bytes: number): void;
  /** Gives freed heap back to the system, where the C library keeps it otherwise. Works without `initialize`. */
  trimHeap(): void;
}

/** How to load a model; see inf_load_options in native/include/infernode/backend.h. */
export interface NativeLoadOptions {
  readonly path: string;
  readonly format: string;
  readonly device: string;
  readonly threads: number;
  readonly instances: number;
  readonly precision: string;
  /** 1 yes, 0 no, -1 as suits the precision. */
  readonly channelsLast: -1 | 0 | 1;
  readonly fuse: boolean;
  readonly graphs: boolean;
  /** Bytes, 0 for none. */
  readonly memoryLimit: number;
  /** Loads the model for quantization. */
  readonly recipe?: NativeRecipe;
}

export interface NativeRecipe {
  readonly mode: 'static' | 'dynamic';
  readonly observer: 'min-max' | 'percentile' | 'mse';
  readonly reduceRange: boolean;
  readonly exclude: readonly string[];
}

/** An asynchronous call ended: with `error`, or with `result`, whose kind depends on the call. */
export type OnComplete = (ticket: number, error: NativeError | undefined, result: unknown) => void;

/** What native code throws or completes with. */
export interface NativeError extends Error {
  /** An ErrorCode. */
  readonly code: string;
  /** The framework's own text, such as a TorchScript traceback. */
  readonly trace?: string;
}

/** Name, dtype code, shape and data of each output, one after another; then the milliseconds that the model computed. */
export type FlatOutputs = readonly unknown[];

export interface BackendDescription {
  readonly name: string;
  readonly builtVersion: string;
  readonly runtimeVersion: string;
  /** Comma-separated. */
  readonly formats: string;
  /** Comma-separated. */
  readonly devices: string;
  /** JSON text. */
  readonly details: string;
}

declare const backendTag: unique symbol;
declare const sessionTag: unique symbol;
export type BackendHandle = { readonly [backendTag]: never };
export type SessionHandle = { readonly [sessionTag]: never };
