import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { LoopDelay } from './protocol.js';

/** Calls the model once. */
export type Call = () => Promise<unknown>;

/** A round that is too short for a slow model has so many calls all the same. */
const LEAST_CALLS = 3;
/** The timer by which the delay of the event loop is told, in milliseconds. */
const RESOLUTION_MS = 1;

/** The durations of calls one after another, in milliseconds. A first call, not counted, wakes what has gone to sleep. */
export async function timeCalls(call: Call, milliseconds: number): Promise<number[]> {
  await call();
  const durations: number[] = [];
  const end = performance.now() + milliseconds;
  while (durations.length < LEAST_CALLS || performance.now() < end) {
    const start = performance.now();
    await call();
    durations.push(performance.now() - start);
  }
  return durations;
}

/** Calls of several clients, each of which makes its next call when the last was answered. */
export async function timeClients(
  call: Call,
  clients: number,
  milliseconds: number,
): Promise<{ durations: number[]; elapsedMs: number }> {
  await Promise.all(Array.from({ length: clients }, call));
  const durations: number[] = [];
  const start = performance.now();
  const client = async () => {
    do {
      const sent = performance.now();
      await call();
      durations.push(performance.now() - sent);
    } while (performance.now() - start < milliseconds);
  };
  await Promise.all(Array.from({ length: clients }, client));
  return { durations, elapsedMs: performance.now() - start };
}

/** How late the event loop is while calls run back to back. */
export async function timeLoop(call: Call, milliseconds: number): Promise<LoopDelay> {
  await call();
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const end = performance.now() + milliseconds;
  histogram.enable();
  // Long enough for the timer to fire, however short the calls are.
  while (performance.now() < end || histogram.count < 2) {
    await call();
    // A call that is answered in the same turn of the event loop would never let the timer fire.
    await new Promise((resolve) => setImmediate(resolve));
  }
  histogram.disable();
  // The histogram holds the time between two ticks of the timer.
  const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
  return { p50: late(histogram.percentile(50)), p99: late(histogram.percentile(99)), max: late(histogram.max) };
}
