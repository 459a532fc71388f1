import type { Session } from '../backends/backend.js';
import type { BatchingConfig } from '../config/batching.js';
import type { ModelConfig } from '../config/model-config.js';
import { defaultThreads } from '../config/thread-budget.js';
import type { ByteBudget } from './batching/byte-budget.js';
import { ComputeShare } from './batching/compute-share.js';
import { CostModel } from './batching/cost-model.js';
import { graphBuckets, recordedBuckets } from './batching/graph-buckets.js';
import { joinArguments } from './batching/join-requests.js';
import { type BatchPolicy, type Joinable, limitSizes, settlePolicy } from './batching/policy.js';
import { Scheduler } from './batching/scheduler.js';
import { tryRows } from './batching/try-rows.js';
import { inputMaker } from './made-up-inputs.js';
import type { ModelObserver } from './observer.js';
import { StatisticsCounter } from './statistics.js';
import { type TriedValues, triedValues } from './tried-values.js';
import { findWorkingInputs, type Trial, type WorkingInputs } from './working-inputs.js';

let processShare: ComputeShare | undefined;

/** All models of the process share the threads that the event loop leaves. */
function cpuShare(): ComputeShare {
  processShare ??= new ComputeShare(defaultThreads());
  return processShare;
}

/** Calls on a GPU wait for it, and need no core for that. */
const gpuShare = new ComputeShare(Number.POSITIVE_INFINITY);

/** Where the requests to a model wait. */
export interface ModelQueue {
  readonly scheduler: Scheduler;
  readonly policy: BatchPolicy;
  /** Whether calls of `run` go past the queue to the backend, which keeps one of its own: nothing was asked of this one. */
  readonly isDirect: boolean;
  /** What is known from having tried the model; null if it was not, or if it told nothing that its file does not. */
  readonly tried: TriedValues | null;
  readonly statistics: StatisticsCounter;
  /** Who is told what becomes of requests. */
  readonly observers: Set<ModelObserver>;
}

/** What a model's queue is made of. */
export interface QueueOptions {
  /** Null where requests are not to be joined. */
  readonly batching: BatchingConfig | null;
  /** What holds where `batching` does not say, as far as the model allows it. */
  readonly defaults: BatchingConfig;
  /** Runs on made-up inputs of each instance and each batch size that is fixed. */
  readonly warmup: number;
  /** The most requests that wait where `batching` does not say. */
  readonly queue: number;
  /** What tensors may hold that wait or are in use; undefined for no limit. */
  readonly budget?: ByteBudget | undefined;
  /** Ends the warm-up early. */
  readonly signal?: AbortSignal | undefined;
}

/** A call is computed so often before it is recorded (native/backends/torch/cuda/cuda_runner.cc), and then once more. */
const RUNS_TO_RECORD = 4;

const NOT_ASKED: Joinable = { rows: 1, reason: 'batching was not asked for', isCertain: true };

/**
 * Makes the queue of a model that was just loaded: finds out how its requests can be joined, and warms it up.
 *
 * @param method the one that is called by default
 * @throws InfernodeError INF_MODEL_CONFIG if the batching that is asked for does not suit the model
 */
export async function makeQueue(
  session: Session,
  method: string,
  config: ModelConfig | null,
  { batching, defaults, warmup, queue, budget, signal }: QueueOptions,
): Promise<ModelQueue> {
  const signature = session.info.methods[method]!;
  const trial: Trial = { session, method, signature, maker: inputMaker(signature, config) };
  const isOff = batching === null || (batching.maxSize ?? defaults.maxSize) === 1;
  const inputs = isOff && warmup === 0 ? null : await findWorkingInputs(trial);
  const cost = new CostModel();
  const joinable = isOff ? NOT_ASKED : await tryRows(trial, inputs, cost);
  const tried = inputs === null ? null : await triedValues(trial, inputs, joinable.rows > 1);
  const settled = settlePolicy({ ...limitSizes(defaults, joinable), ...batching }, joinable, queue);
  const sizes = bucketsOf(session, settled);
  if (inputs !== null) await warmUp(trial, inputs, sizes, { runs: warmup, signal });
  const policy = withRecorded(session, settled, sizes);
  const statistics = new StatisticsCounter();
  const observers = new Set<ModelObserver>([statistics]);
  const observer: ModelObserver = {
    onRequest(record) {
      for (const each of observers) each.onRequest(record);
    },
    onExecution(record) {
      for (const each of observers) each.onExecution(record);
    },
  };
  const share = session.info.device === 'cpu' ? cpuShare() : gpuShare;
  const scheduler = new Scheduler({ session, policy, method, share, observer, cost, budget });
  return { scheduler, policy, isDirect: batching === null, tried, statistics, observers };
}

/** The sizes that the model is warmed up for. */
function bucketsOf(session: Session, { padTo, maxSize }: BatchPolicy): readonly number[] {
  if (padTo.length > 0) return padTo;
  return recordsGraphs(session) ? graphBuckets(maxSize) : [1];
}

/** Batches are filled up to what was recorded, unless the configuration says what they are filled up to. */
function withRecorded(session: Session, policy: BatchPolicy, sizes: readonly number[]): BatchPolicy {
  const state = session.graphs?.() ?? null;
  if (state === null || policy.padTo.length > 0 || policy.maxSize === 1) return policy;
  return { ...policy, padTo: recordedBuckets(sizes, state) };
}

function recordsGraphs(session: Session): boolean {
  return (session.graphs?.() ?? null) !== null;
}

/** What fails is left alone: inputs that were made up prove nothing. */
async function warmUp(
  { session, method }: Trial,
  inputs: WorkingInputs,
  sizes: readonly number[],
  { runs, signal }: { runs: number; signal: AbortSignal | undefined },
): Promise<void> {
  const { instances } = session.info;
  // Anything else than no warm-up at all sees to it that graphs are recorded before the first request.
  const needed = runs > 0 && recordsGraphs(session) ? Math.max(runs, RUNS_TO_RECORD) : runs;
  // The largest first: what it takes of the memory is enough for the others.
  for (const rows of [...sizes].reverse()) {
    for (let run = 0; run < needed; run++) {
      if (signal?.aborted) return;
      const args = rows === 1 ? inputs.first : joinArguments(new Array(rows).fill(inputs.first), rows);
      await Promise.allSettled(Array.from({ length: instances }, () => session.run(method, args)));
    }
  }
}
