import type { ExecutionRecord, FailureReason, ModelObserver, RequestRecord } from './observer.js';

/** How often something happened, and how long it took in all. */
export interface Duration {
  readonly count: number;
  readonly ms: number;
}

/** The executions of one batch size. */
export interface BatchStatistics {
  readonly rows: number;
  readonly computeInput: Duration;
  readonly computeInfer: Duration;
  readonly computeOutput: Duration;
}

/** What a model has done since it was loaded. */
export interface ModelStatistics {
  /** Rows that were inferred, and calls of the model that it took. */
  readonly inferenceCount: number;
  readonly executionCount: number;
  /** Milliseconds since 1970; 0 if there was no inference. */
  readonly lastInference: number;
  readonly success: Duration;
  readonly fail: Duration;
  readonly failures: Readonly<Record<FailureReason, number>>;
  readonly queue: Duration;
  readonly computeInput: Duration;
  readonly computeInfer: Duration;
  readonly computeOutput: Duration;
  readonly batches: readonly BatchStatistics[];
}

class Sum implements Duration {
  count = 0;
  ms = 0;

  add(ms: number, count = 1): void {
    this.count += count;
    this.ms += ms;
  }
}

class BatchSums implements BatchStatistics {
  readonly computeInput = new Sum();
  readonly computeInfer = new Sum();
  readonly computeOutput = new Sum();

  constructor(readonly rows: number) {}
}

/** Counts what a model does. */
export class StatisticsCounter implements ModelObserver {
  #inferenceCount = 0;
  #executionCount = 0;
  #lastInference = 0;
  readonly #success = new Sum();
  readonly #fail = new Sum();
  readonly #failures: Record<FailureReason, number> = { rejected: 0, expired: 0, cancelled: 0, invalid: 0, failed: 0 };
  readonly #queue = new Sum();
  readonly #computeInput = new Sum();
  readonly #computeInfer = new Sum();
  readonly #computeOutput = new Sum();
  readonly #batches = new Map<number, BatchSums>();

  onRequest({ outcome, queueMs, totalMs }: RequestRecord): void {
    if (outcome === 'success') {
      this.#success.add(totalMs);
      this.#queue.add(queueMs);
    } else {
      this.#fail.add(totalMs);
      this.#failures[outcome]++;
    }
  }

  onExecution({ ok, requests, rows, joinMs, computeMs, splitMs }: ExecutionRecord): void {
    if (!ok) return;
    this.#inferenceCount += rows;
    this.#executionCount++;
    this.#lastInference = Date.now();
    // As the protocol has it: what requests share counts for each of them.
    this.#computeInput.add(joinMs * requests, requests);
    this.#computeInfer.add(computeMs * requests, requests);
    this.#computeOutput.add(splitMs * requests, requests);
    const batch = this.#batches.get(rows) ?? new BatchSums(rows);
    this.#batches.set(rows, batch);
    batch.computeInput.add(joinMs);
    batch.computeInfer.add(computeMs);
    batch.computeOutput.add(splitMs);
  }

  /** A copy of the figures as they are now. */
  snapshot(): ModelStatistics {
    const copy = ({ count, ms }: Duration): Duration => ({ count, ms });
    return {
      inferenceCount: this.#inferenceCount,
      executionCount: this.#executionCount,
      lastInference: this.#lastInference,
      success: copy(this.#success),
      fail: copy(this.#fail),
      failures: { ...this.#failures },
      queue: copy(this.#queue),
      computeInput: copy(this.#computeInput),
      computeInfer: copy(this.#computeInfer),
      computeOutput: copy(this.#computeOutput),
      batches: [...this.#batches.values()]
        .sort((a, b) => a.rows - b.rows)
        .map(({ rows, computeInput, computeInfer, computeOutput }) => ({
          rows,
          computeInput: copy(computeInput),
          computeInfer: copy(computeInfer),
          computeOutput: copy(computeOutput),
        })),
    };
  }
}
