import { Worker } from 'node:worker_threads';
import type { Inputs, Session } from '../backends/backend.js';
import { defaultMethod } from '../backends/methods.js';
import { warmUp } from './warm-up.js';

/** What a candidate costs, measured in a process of its own. */
export interface Measurement {
  /** Median and 90th percentile of single calls, in milliseconds. */
  readonly latencyMs: number;
  readonly p90Ms: number;
  /** The same median beside a thread that never rests, as a busy event loop is. */
  readonly busyLatencyMs: number;
  /** Rows a second, of single calls or of batches, whichever gives more. */
  readonly throughput: number;
  /** Resident memory of the process with the model in it, in bytes. */
  readonly memoryBytes: number;
}

/** Long enough for a median that repeats, short enough to try dozens of candidates. */
const LATENCY_MS = 700;
const BATCH_MS = 900;
const LEAST_CALLS = 5;

/**
 * Measures a loaded model.
 *
 * @param one inputs of a single call
 * @param batch inputs of `rows` rows, null where the model takes no batches
 */
export async function measure(session: Session, one: Inputs, batch: Inputs | null, rows: number): Promise<Measurement> {
  await warmUp(() => session.run(defaultMethod(session.info), one));
  const quiet = await timeCalls(session, one, LATENCY_MS);
  const memoryBytes = process.memoryUsage.rss();
  const batched = batch === null ? null : await timeCalls(session, batch, BATCH_MS);
  const busy = await besideBusyThread(() => timeCalls(session, one, LATENCY_MS));
  return {
    latencyMs: quantile(quiet, 0.5),
    p90Ms: quantile(quiet, 0.9),
    busyLatencyMs: quantile(busy, 0.5),
    throughput: Math.max(1000 / quantile(quiet, 0.5), batched === null ? 0 : (1000 * rows) / quantile(batched, 0.5)),
    memoryBytes,
  };
}

/** The median of calls for so long, in milliseconds; `busy` is beside a thread that never rests. */
export async function medianLatency(
  session: Session,
  inputs: Inputs,
  milliseconds: number,
  busy: boolean,
): Promise<number> {
  const time = () => timeCalls(session, inputs, milliseconds);
  return quantile(await (busy ? besideBusyThread(time) : time()), 0.5);
}

/** The durations of calls one after another, in milliseconds, sorted; the first ones, which warm up, left out. */
export async function timeCalls(session: Session, inputs: Inputs, milliseconds: number): Promise<number[]> {
  const method = defaultMethod(session.info);
  for (let i = 0; i < 2; i++) await session.run(method, inputs);
  const durations: number[] = [];
  const end = performance.now() + milliseconds;
  while (durations.length < LEAST_CALLS || performance.now() < end) {
    const start = performance.now();
    await session.run(method, inputs);
    durations.push(performance.now() - start);
  }
  return durations.sort((a, b) => a - b);
}

export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
}

async function besideBusyThread<T>(action: () => Promise<T>): Promise<T> {
  const neighbour = new Worker('for (;;);', { eval: true });
  try {
    await new Promise((resolve) => neighbour.once('online', resolve));
    return await action();
  } finally {
    await neighbour.terminate();
  }
}
