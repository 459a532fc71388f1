/** node load-generator.js: asks servers, as LoadAsk says, over as many connections as it takes. */
import { readFile } from 'node:fs/promises';
import { answerLines } from '../contestants/answer-lines.js';
import { closedLoop } from './closed-loop.js';
import { ConnectionPool } from './connection-pool.js';
import type { LoadAsk, LoadReplies } from './load-protocol.js';
import { poissonArrivals, runArrivals } from './poisson.js';

/** By port. */
const servers = new Map<number, ConnectionPool>();

function senderTo(port: number): () => Promise<unknown> {
  const pool = servers.get(port)!;
  return () => pool.send();
}

await answerLines<LoadAsk, LoadReplies>({
  async connect({ port, request }) {
    servers.get(port)?.close();
    const pool = new ConnectionPool(port, await readFile(request));
    servers.set(port, pool);
    const { head, body } = await pool.send();
    return { head, body: body.toString('base64') };
  },
  async clients({ port, clients, ms }) {
    const send = senderTo(port);
    const { throughput } = await closedLoop(new Array(clients).fill(send), { warmUpMs: ms / 4, durationMs: ms });
    return { throughput };
  },
  arrivals: ({ port, rate, ms, seed, boundMs }) =>
    runArrivals(poissonArrivals(rate, ms, seed), senderTo(port), boundMs),
});
