/** Why a request got no answer. */
export type FailureReason = 'rejected' | 'expired' | 'cancelled' | 'invalid' | 'failed';

/** Why a batch went to the model when it did. */
export type DispatchReason = 'full' | 'preferred' | 'idle' | 'delay' | 'single';

/** One request that has ended. */
export interface RequestRecord {
  readonly outcome: 'success' | FailureReason;
  /** Rows of the request; 1 where the model is not batched. */
  readonly rows: number;
  /** Milliseconds in the queue, and in all. */
  readonly queueMs: number;
  readonly totalMs: number;
}

/** One call of the model that has ended, be it in success or not. */
export interface ExecutionRecord {
  readonly ok: boolean;
  readonly requests: number;
  /** Rows of all requests, without padding. */
  readonly rows: number;
  readonly reason: DispatchReason;
  /**
   * Milliseconds to join the inputs, that the model computed, and to split the outputs. Where the call failed, all of it counts
   * as computed.
   */
  readonly joinMs: number;
  readonly computeMs: number;
  readonly splitMs: number;
}

/** Is told what a model does, for statistics and metrics. Must not throw. */
export interface ModelObserver {
  onRequest(record: RequestRecord): void;
  onExecution(record: ExecutionRecord): void;
}
