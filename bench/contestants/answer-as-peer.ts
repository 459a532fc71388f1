import { readFile } from 'node:fs/promises';
import { readNpy, type Tensor } from 'infernode';
import type { MatmulPrecision } from '#src/benchmark/protocol';
import { type Call, timeLoop } from '#src/benchmark/time-calls';
import { answerLines } from './answer-lines.js';
import type { Ask, Replies } from './protocol.js';

/** Tensors by name. */
export type Inputs = Readonly<Record<string, Tensor>>;

/** A loaded model. */
export interface OpenPeer {
  readonly versions: Readonly<Record<string, string>>;
  readonly settings: string;
  readonly computesIn?: MatmulPrecision | null;
  /** A call on these inputs, all that can be done ahead done. */
  prepare(inputs: Inputs): Call;
  /** The first output of a call. */
  answer(inputs: Inputs): Promise<{ readonly shape: readonly number[]; readonly data: ArrayLike<number> }>;
  /** Calls in flight at once that give the most throughput. */
  readonly inFlight: number;
}

/** Answers, as a peer in Node.js, the questions of protocol.ts. */
export function answerAsPeer(open: (model: string, threads: number) => Promise<OpenPeer>): Promise<void> {
  let peer: OpenPeer;
  let given: Inputs[] = [];
  return answerLines<Ask, Replies>({
    async open({ model, threads, inputs }) {
      given = await Promise.all(inputs.map(readInputs));
      peer = await open(model, threads);
      for (const each of given) await peer.prepare(each)();
      const { settings, computesIn, inFlight } = peer;
      const versions = { node: process.versions.node, ...peer.versions };
      return { versions, settings, inFlight, ...(computesIn !== undefined && { computesIn }) };
    },
    async answer({ input }) {
      const { shape, data } = await peer.answer(given[input]!);
      return { shape, data: Array.from(data) };
    },
    calls: async ({ input, ms }) => ({ durations: await timeCalls(peer.prepare(given[input]!), ms) }),
    offline: ({ input, ms }) => runFlat(peer.prepare(given[input]!), peer.inFlight, ms),
    loop: ({ input, ms }) => timeLoop(peer.prepare(given[input]!), ms),
  });
}

async function readInputs(files: Readonly<Record<string, string>>): Promise<Inputs> {
  const read = async ([name, file]: [string, string]) => [name, readNpy(await readFile(file))] as const;
  return Object.fromEntries(await Promise.all(Object.entries(files).map(read)));
}

/** The first call is not counted, unless it takes as long as all of them may. */
async function timeCalls(call: Call, ms: number): Promise<number[]> {
  const timed = async () => {
    const start = performance.now();
    await call();
    return performance.now() - start;
  };
  const first = await timed();
  const durations = first < ms ? [] : [first];
  const end = performance.now() + ms;
  while (durations.length === 0 || (first < ms && performance.now() < end)) durations.push(await timed());
  return durations;
}

/** So many calls at a time, until the time is over. */
async function runFlat(call: Call, inFlight: number, ms: number): Promise<Replies['offline']> {
  let calls = 0;
  const start = performance.now();
  const next = async () => {
    do {
      calls++;
      await call();
    } while (performance.now() - start < ms);
  };
  await Promise.all(Array.from({ length: inFlight }, next));
  return { calls, elapsedMs: performance.now() - start };
}
