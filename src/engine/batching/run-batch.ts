import type { Outputs, Session } from '../../backends/backend.js';
import { InfernodeError } from '../../errors.js';
import { isDeviceFailure } from '../device-failure.js';
import type { DispatchReason, ModelObserver } from '../observer.js';
import { haveRows, joinArguments, releaseJoined, rowsOf } from './join-requests.js';
import type { PendingRequest } from './pending-request.js';

/** Requests that go to the model together. */
export interface Batch {
  /** All of one method, and joinable unless there is one only. */
  readonly requests: readonly PendingRequest[];
  readonly rows: number;
  /** Rows that the model is given: `rows`, or more. */
  readonly padded: number;
  readonly reason: DispatchReason;
}

/** Where batches run. */
export interface BatchRunner {
  readonly session: Session;
  readonly observer: ModelObserver;
  /** When the model began with a call that was made at `called`: later, if it was sent ahead of the end of another. */
  startOf(called: number): number;
  /** Is told what a call cost. */
  onCost(rows: number, milliseconds: number): void;
}

/**
 * Runs a batch and answers its requests. If it fails, each of its requests runs by itself, so that one bad request does not
 * fail the others.
 *
 * @returns never rejects: each request hears of its own success or failure
 */
export async function runBatch(runner: BatchRunner, batch: Batch): Promise<void> {
  const { requests, rows, padded, reason } = batch;
  const isJoined = requests.length > 1 || padded > rows;
  const entered = performance.now();
  let called = entered;
  let ownMs: number | undefined;
  let outputs: Outputs;
  const record = (ok: boolean, computeMs: number, splitMs: number) => {
    const times = { joinMs: called - entered, computeMs, splitMs };
    runner.observer.onExecution({ ok, requests: requests.length, rows, reason, ...times });
  };
  try {
    const each = requests.map(({ args }) => args);
    const args = isJoined ? joinArguments(each, padded) : each[0]!;
    called = performance.now();
    outputs = await runner.session.run(requests[0]!.method, args, undefined, (ms) => {
      ownMs = ms;
    });
    if (isJoined) releaseJoined(args);
    if (isJoined && !haveRows(outputs, padded)) throw notByRows(outputs, padded);
  } catch (error) {
    record(false, performance.now() - runner.startOf(called), 0);
    if (!isJoined || isDeviceFailure(error)) {
      const reason = isCallersFault(error) ? 'invalid' : 'failed';
      for (const request of requests) request.fail(error, reason);
    } else await runEach(runner, requests);
    return;
  }
  const ended = performance.now();
  const computeMs = ownMs ?? ended - runner.startOf(called);
  runner.onCost(padded, computeMs);
  let start = 0;
  for (const request of requests) {
    const own = isJoined ? rowsOf(outputs, { start, rows: request.rows }) : outputs;
    request.succeed(own, { startedAt: runner.startOf(called), computeMs, batchRows: rows });
    start += request.rows;
  }
  record(true, computeMs, performance.now() - ended);
}

async function runEach(runner: BatchRunner, requests: readonly PendingRequest[]): Promise<void> {
  for (const request of requests) {
    const { rows } = request;
    if (!request.settled) await runBatch(runner, { requests: [request], rows, padded: rows, reason: 'single' });
  }
}

/** A runtime may find out only while it runs that inputs do not suit the model. */
function isCallersFault(error: unknown): boolean {
  return error instanceof InfernodeError && error.httpStatus === 400;
}

function notByRows(outputs: Outputs, rows: number): InfernodeError {
  const shapes = Object.entries(outputs).map(([name, { shape }]) => `${name} [${shape.join(', ')}]`);
  return new InfernodeError(
    'INF_MODEL_FAILED',
    `The model was given ${rows} rows, and not every output has as many: ${shapes.join(', ')}`,
  );
}
