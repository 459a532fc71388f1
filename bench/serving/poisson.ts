import { setImmediate } from 'node:timers/promises';
import { percentile } from '#src/benchmark/figures';

/** What came of queries that arrived at random. */
export interface Arrivals {
  readonly queries: number;
  /** In milliseconds, from the arrival to the answer, with the time that the query waited to be sent; null where not all were answered. */
  readonly p99: number | null;
}

/** Sends one query; settles with the answer. */
export type Send = () => Promise<unknown>;

/** Numbers between 0 and 1, the same each time for a seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When queries arrive, in milliseconds, on average `rate` in a second; for every rate the same pattern, stretched. */
export function poissonArrivals(rate: number, milliseconds: number, seed: number): number[] {
  const next = random(seed);
  const times: number[] = [];
  for (let time = 0; ; ) {
    time += (-Math.log(1 - next()) * 1000) / rate;
    if (time >= milliseconds) return times;
    times.push(time);
  }
}

/**
 * Lets queries arrive whether or not those before were answered, as users do. Ends early once so many wait that the bound is out
 * of reach.
 *
 * @param arrivals when, in milliseconds from now
 * @param boundMs what the 99th percentile is to be held against
 */
export async function runArrivals(arrivals: readonly number[], send: Send, boundMs: number): Promise<Arrivals> {
  const latencies: number[] = [];
  let failure: Error | undefined;
  const start = performance.now();
  let sent = 0;
  let lost = false;
  const late = () => performance.now() - start - (arrivals[latencies.length] ?? 0) > 4 * boundMs;
  while (latencies.length < (lost ? sent : arrivals.length)) {
    if (failure !== undefined) throw failure;
    // What is on its way is waited for: it would be in the way of what is measured next.
    lost ||= sent > latencies.length && late();
    // The core is this process's own: it looks at the clock without rest.
    for (; !lost && sent < arrivals.length && performance.now() - start >= arrivals[sent]!; sent++) {
      const arrived = arrivals[sent]!;
      send().then(
        () => void latencies.push(performance.now() - start - arrived),
        (error) => {
          failure = error;
        },
      );
    }
    await setImmediate();
  }
  return { queries: sent, p99: lost ? null : percentile(latencies, 0.99) };
}
