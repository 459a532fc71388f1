import type { BackendName, Inputs, InputValue, ModelInfo, Outputs, Session, Signature } from '../backends/backend.js';
import type { ModelConfig } from '../config/model-config.js';
import { didYouMean } from '../config/suggest.js';
import { InfernodeError } from '../errors.js';
import type { InferRequest, InferResult } from './inference.js';
import { type ModelStatistics, StatisticsCounter } from './statistics.js';

/** Which backend runs a model, and why that one. */
export interface BackendChoice {
  readonly backend: BackendName;
  readonly reason: string;
}

/** How to call a model. */
export interface RunOptions {
  /** The method to call; `forward` by default. */
  readonly method?: string;
  /** Gives the call up: it is taken out of the queue, or its result is dropped if it runs already. */
  readonly signal?: AbortSignal;
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
  ) {}

  private readonly counter = new StatisticsCounter();

  /** What the model has done since it was loaded. */
  get statistics(): ModelStatistics {
    return this.counter.snapshot();
  }

  /** The same model under another path and reason: that of a tuned copy. */
  renamed(path: string, reason: string): Model {
    return new Model(path, this.file, { ...this.choice, reason }, this.config, this.session);
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
    const { methods } = this.info;
    return 'forward' in methods ? 'forward' : Object.keys(methods)[0]!;
  }

  /**
   * Runs the model off the event loop.
   *
   * @param inputs by name or by position: tensors; numbers, booleans and strings for scalar arguments; arrays for tuples and
   *   lists. Tensors are not copied and must stay untouched until the promise settles.
   * @returns outputs by name. Nested ones are flattened by path: `output`, `output.1.0`, or the keys of a dict.
   * @throws InfernodeError INF_INPUT_*, INF_TENSOR_*, INF_METHOD_UNKNOWN, INF_MODEL_FAILED, INF_MODEL_CLOSED, INF_ABORTED,
   *   INF_OUTPUT_UNSUPPORTED, INF_OUT_OF_MEMORY, INF_BACKEND_CRASHED
   */
  run(inputs: Inputs, options: RunOptions = {}): Promise<Outputs> {
    const mistake = mistakeIn(options);
    if (mistake !== undefined) return Promise.reject(mistake);
    return this.session.run(options.method ?? this.defaultMethod, inputs, options.signal);
  }

  /** As `run`, but blocks this thread until the outputs are there: for scripts, not for servers. */
  runSync(inputs: Inputs, options: Pick<RunOptions, 'method'> = {}): Outputs {
    const mistake = mistakeIn(options);
    if (mistake !== undefined) throw mistake;
    return this.session.runSync(options.method ?? this.defaultMethod, inputs);
  }

  /**
   * As `run`, through the queue: with a priority, a deadline, and the outputs that are asked for.
   *
   * @throws InfernodeError as `run` does, and INF_QUEUE_FULL, INF_DEADLINE_EXCEEDED, INF_OUTPUT_UNKNOWN
   */
  async infer(request: InferRequest): Promise<InferResult> {
    const start = performance.now();
    const { method = this.defaultMethod, inputs, signal } = request;
    const outputs = await this.session.run(method, inputs, signal);
    return { outputs, timing: { queueMs: 0, computeMs: performance.now() - start, batchRows: 1 } };
  }

  /** Calls a method by name with positional arguments: `model.call('reset_states')`. */
  async call(method: string, ...args: InputValue[]): Promise<Outputs> {
    if (typeof method !== 'string') throw new InfernodeError('INF_METHOD_UNKNOWN', 'A method is called by its name');
    return this.session.run(method, args);
  }

  /** Frees the model when the calls in flight have finished. Idempotent; calls made afterwards fail with INF_MODEL_CLOSED. */
  close(): Promise<void> {
    return this.session.close();
  }

  /** `await using model = await load(...)` closes it at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

const RUN_OPTIONS = ['method', 'signal'];

function mistakeIn(options: RunOptions): InfernodeError | undefined {
  if (typeof options !== 'object' || options === null) {
    return new InfernodeError('INF_OPTION_INVALID', 'Options are an object');
  }
  for (const name in options) {
    if (!RUN_OPTIONS.includes(name)) {
      return new InfernodeError('INF_OPTION_INVALID', `There is no option "${name}"${didYouMean(name, RUN_OPTIONS)}`);
    }
  }
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal)) {
    return new InfernodeError('INF_OPTION_INVALID', 'Option signal must be an AbortSignal');
  }
  return undefined;
}
