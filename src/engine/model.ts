import type {
  BackendName,
  GraphState,
  Inputs,
  InputValue,
  ModelInfo,
  Outputs,
  Session,
  Signature,
} from '../backends/backend.js';
import { defaultMethod, methodOf } from '../backends/methods.js';
import type { ModelConfig } from '../config/model-config.js';
import { InfernodeError } from '../errors.js';
import type { BatchPolicy } from './batching/policy.js';
import { mistakeInOptions, mistakeInRequest, mistakeInStream, type RunOptions } from './call-options.js';
import { inferStream } from './infer-stream.js';
import type { InferRequest, InferResult } from './inference.js';
import type { ModelQueue } from './model-queue.js';
import type { ModelObserver } from './observer.js';
import type { ModelStatistics } from './statistics.js';
import type { TriedValues } from './tried-values.js';

/** Which backend runs a model, and why that one. */
export interface BackendChoice {
  readonly backend: BackendName;
  readonly reason: string;
}

/** How `inferMany` goes about it. */
export interface InferManyOptions {
  /** Requests under way at once. */
  readonly concurrency?: number;
}

/** A loaded model. Made by `load`. */
export class Model {
  constructor(
    /** The path that was given to `load`. */
    readonly path: string,
    /** The file that was loaded. */
    readonly file: string,
    readonly choice: BackendChoice,
    /** The content of the model's model.json, null without one. */
    readonly config: ModelConfig | null,
    private readonly session: Session,
    private readonly queue: ModelQueue,
  ) {}

  private closing: Promise<void> | undefined;

  /** The same model under another path and reason: that of a tuned copy. */
  renamed(path: string, reason: string): Model {
    return new Model(path, this.file, { ...this.choice, reason }, this.config, this.session, this.queue);
  }

  /** How its requests are put together. */
  get batching(): BatchPolicy {
    return this.queue.policy;
  }

  /** Requests, and rows of them, that wait. Calls of `run` count where batching was asked for. */
  get waiting(): { readonly requests: number; readonly rows: number } {
    return this.queue.scheduler.waiting;
  }

  /** What a trial run at load told of its inputs and outputs beyond the signature; null if there was none, or nothing more. */
  get tried(): TriedValues | null {
    return this.queue.tried;
  }

  /** What became of its requests since it was loaded. */
  get statistics(): ModelStatistics {
    return this.queue.statistics.snapshot();
  }

  /** Tells somebody what becomes of its requests from now on. */
  observe(observer: ModelObserver): void {
    this.queue.observers.add(observer);
  }

  /** What has become of its CUDA graphs; null of a model that records none. */
  get graphs(): GraphState | null {
    return this.session.graphs?.() ?? null;
  }

  /** Format, device, methods, operations, parameters and so on. */
  get info(): ModelInfo {
    return this.session.info;
  }

  /** Inputs and outputs of the method that `run` calls by default: `forward`, or the first one if there is no `forward`. */
  get signature(): Signature {
    return this.info.methods[this.defaultMethod]!;
  }

  private get defaultMethod(): string {
    return defaultMethod(this.info);
  }

  /**
   * Runs the model off the event loop; a call of less than 100 us, which would take as long to hand over, within a turn of it.
   *
   * @param inputs by name or by position: tensors; numbers, booleans and strings for scalar arguments; arrays for tuples and
   *   lists. Tensors are not copied and must stay untouched until the promise settles.
   * @returns outputs by name. Nested ones are flattened by path: `output`, `output.1.0`, or the keys of a dict.
   * @throws InfernodeError INF_INPUT_*, INF_TENSOR_*, INF_METHOD_UNKNOWN, INF_MODEL_FAILED, INF_MODEL_CLOSED, INF_ABORTED,
   *   INF_OUTPUT_UNSUPPORTED, INF_OUT_OF_MEMORY, INF_BACKEND_CRASHED
   */
  run(inputs: Inputs, options: RunOptions = {}): Promise<Outputs> {
    const mistake = mistakeInOptions(options);
    if (mistake !== undefined) return Promise.reject(mistake);
    if (this.queue.isDirect) return this.session.run(options.method ?? this.defaultMethod, inputs, options.signal);
    return this.infer({ inputs, ...options }).then(({ outputs }) => outputs);
  }

  /** As `run`, but blocks this thread until the outputs are there: for scripts, not for servers. */
  runSync(inputs: Inputs, options: Pick<RunOptions, 'method'> = {}): Outputs {
    const mistake = mistakeInOptions(options);
    if (mistake !== undefined) throw mistake;
    return this.session.runSync(options.method ?? this.defaultMethod, inputs);
  }

  /**
   * As `run`, with a priority, a deadline, and a choice of outputs; and says how long it took. Requests wait in the queue of
   * the model and are put together as `batching` says.
   *
   * @throws InfernodeError as `run` does, and INF_QUEUE_FULL, INF_DEADLINE_EXCEEDED, INF_OUTPUT_UNKNOWN, INF_OPTION_INVALID
   */
  async infer(request: InferRequest): Promise<InferResult> {
    const mistake = mistakeInRequest(request);
    if (mistake !== undefined) throw mistake;
    if (this.closing !== undefined) throw new InfernodeError('INF_MODEL_CLOSED', 'The model has been closed');
    const { method, signature } = methodOf(this.info, request.method);
    return this.queue.scheduler.infer(method, signature, request);
  }

  /**
   * Infers a stream of requests, and gives their results in the same order. It reads ahead as far as `concurrency` says, and
   * no further than results are taken.
   *
   * @param concurrency requests under way at once; by default twice what the model takes at once
   * @returns each request's result, or the error it ended in; one that fails stops nobody else
   * @throws InfernodeError INF_OPTION_INVALID
   */
  inferMany(
    requests: Iterable<InferRequest> | AsyncIterable<InferRequest>,
    options: InferManyOptions = {},
  ): AsyncGenerator<PromiseSettledResult<InferResult>, void, undefined> {
    const mistake = mistakeInStream(requests, options);
    if (mistake !== undefined) throw mistake;
    const { concurrency = 2 * this.batching.maxSize * this.info.instances } = options;
    return inferStream(requests, (request) => this.infer(request), concurrency);
  }

  /** Calls a method by name with positional arguments: `model.call('reset_states')`. */
  async call(method: string, ...args: InputValue[]): Promise<Outputs> {
    if (typeof method !== 'string') throw new InfernodeError('INF_METHOD_UNKNOWN', 'A method is called by its name');
    return this.run(args, { method });
  }

  /** Frees the model when the calls in flight have finished. Idempotent; calls made afterwards fail with INF_MODEL_CLOSED. */
  close(): Promise<void> {
    this.closing ??= this.queue.scheduler.drain().then(() => this.session.close());
    return this.closing;
  }

  /** `await using model = await load(...)` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
