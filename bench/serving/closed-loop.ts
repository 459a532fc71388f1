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

/** Runs clients against anything that answers, for some time after a warm-up. */
export async function closedLoop(
  clients: readonly (() => Promise<unknown>)[],
  { warmUpMs, durationMs }: { readonly warmUpMs: number; readonly durationMs: number },
): Promise<LoadResult> {
  const latencies: number[] = [];
  const begin = performance.now() + warmUpMs;
  const end = begin + durationMs;
  await Promise.all(
    clients.map(async (send) => {
      for (let sent = performance.now(); sent < end; ) {
        await send();
        const answered = performance.now();
        if (sent >= begin && answered <= end) latencies.push(answered - sent);
        sent = answered;
      }
    }),
  );
  latencies.sort((a, b) => a - b);
  const quantile = (share: number) =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0;
  return {
    throughput: (latencies.length * 1000) / durationMs,
    p50: quantile(0.5),
    p95: quantile(0.95),
    p99: quantile(0.99),
  };
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
