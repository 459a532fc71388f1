/** node load-generator.js: asks a server, as LoadAsk says, over as many connections as it takes. */
import { readFile } from 'node:fs/promises';
import { answerLines } from '../contestants/answer-lines.js';
import { closedLoop } from './closed-loop.js';
import type { LoadAsk, LoadReplies } from './load-protocol.js';
import { poissonArrivals, runArrivals } from './poisson.js';
import { type RawAnswer, RawClient } from './raw-client.js';

/** More wait for a connection to come free; their time counts all the same. */
const MOST_CONNECTIONS = 128;

let port = 0;
let request: Buffer;
let opened = 0;
let idle: RawClient[] = [];
const waiting: ((client: RawClient) => void)[] = [];

async function acquire(): Promise<RawClient> {
  for (let client = idle.pop(); client !== undefined; client = idle.pop()) {
    if (client.isOpen) return client;
    opened--;
  }
  if (opened >= MOST_CONNECTIONS) return new Promise((resolve) => waiting.push(resolve));
  opened++;
  return RawClient.open(port);
}

async function send(): Promise<RawAnswer> {
  const client = await acquire();
  const wasUsed = client.answers > 0;
  let answer: RawAnswer;
  try {
    answer = await client.send(request);
  } catch (error) {
    // A server may close an idle connection at the moment when it is used again, as any client must bear.
    if (!wasUsed || client.isOpen) throw error;
    opened--;
    return send();
  }
  if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
  const next = waiting.shift();
  if (next === undefined) idle.push(client);
  else next(client);
  return answer;
}

await answerLines<LoadAsk, LoadReplies>({
  async connect(question) {
    for (const client of idle) client.close();
    idle = [];
    opened = 0;
    ({ port } = question);
    request = await readFile(question.request);
    const { head, body } = await send();
    return { head, body: body.toString('base64') };
  },
  async clients({ clients, ms }) {
    const { throughput } = await closedLoop(new Array(clients).fill(send), { warmUpMs: ms / 4, durationMs: ms });
    return { throughput };
  },
  arrivals: ({ rate, ms, seed, boundMs }) => runArrivals(poissonArrivals(rate, ms, seed), send, boundMs),
});
