import { RawClient } from './raw-client.js';

/** What a number of clients got, each of which sends its next request when the last one is answered. */
export interface LoadResult {
  /** Answers a second. */
  readonly throughput: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * Runs clients against anything that answers, for some time after a warm-up. What was answered in that time counts, whenever it was
 * asked: a server with more clients than it answers in the time has a throughput too.
 */
export async function closedLoop(
  clients: readonly (() => Promise<unknown>)[],
  { warmUpMs, durationMs }: { readonly warmUpMs: number; readonly durationMs: number },
): Promise<LoadResult> {
  /** In milliseconds since the load began. */
  const answers: { readonly at: number; readonly latency: number }[] = [];
  const start = performance.now();
  const end = warmUpMs + durationMs;
  await Promise.all(
    clients.map(async (send) => {
      for (let sent = performance.now() - start; sent < end; ) {
        await send();
        const at = performance.now() - start;
        answers.push({ at, latency: at - sent });
        sent = at;
      }
    }),
  );
  const counted = answers.filter(({ at }) => at >= warmUpMs && at <= end);
  const latencies = counted.map(({ latency }) => latency).sort((a, b) => a - b);
  const quantile = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    throughput: throughputOf(
      answers.map(({ at }) => at),
      warmUpMs,
      end,
    ),
    p50: quantile(0.5),
    p95: quantile(0.95),
    p99: quantile(0.99),
  };
}

/**
 * Answers a second, from the last answer before the time to the last one in it. Servers answer in batches, of sizes that differ: from
 * the end of one to the end of another, what was computed is what was answered. A server that answers nothing in the time counts up
 * to the last answer to what it was asked in it.
 *
 * @param answered when, in milliseconds since the load began, in that order
 */
export function throughputOf(answered: readonly number[], begin: number, end: number): number {
  const from = answered.findLast((at) => at <= begin) ?? 0;
  const to = answered.findLast((at) => at > begin && at <= end) ?? answered.at(-1) ?? 0;
  return to > from ? (1000 * answered.filter((at) => at > from && at <= to).length) / (to - from) : 0;
}

/** Clients with a connection each, that send the same request and insist on a good answer. */
export async function httpClients(
  count: number,
  port: number,
  request: Buffer,
): Promise<{ readonly clients: (() => Promise<unknown>)[]; close(): void }> {
  const connections = await Promise.all(Array.from({ length: count }, () => RawClient.open(port)));
  return {
    clients: connections.map((client) => async () => {
      const { status, body } = await client.send(request);
      if (status !== 200) throw new Error(`HTTP ${status}: ${body.toString().slice(0, 200)}`);
    }),
    close() {
      for (const client of connections) client.close();
    },
  };
}
