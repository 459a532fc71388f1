import { cpus } from 'node:os';
import { availableCores } from '#src/config/thread-budget';
import type { Span } from './scenarios/rounds.js';

/** What a run of the benchmarks measures, and for how long. */
export interface BenchPlan {
  readonly mode: 'smoke' | 'quick' | 'full';
  readonly models: readonly string[];
  /** Models of the scenario Server. */
  readonly served: readonly string[];
  /** Samples in a call, beside one and the eight of MultiStream, for the scaling by batch size. */
  readonly batches: readonly number[];
  /** Samples in a call of Offline. */
  readonly offline: readonly number[];
  /** Clients at once, for the throughput of servers. */
  readonly clients: readonly number[];
  /** Rounds of all contestants, in the first sitting. */
  readonly heats: Span;
  /** Rounds after those of whoever is compared, in each sitting. */
  readonly finals: Span;
  /**
   * How often contestants are started anew, with all other models in between: neither two processes of one program are equally
   * fast, nor is a machine the whole time. Beyond the least only of quick models, and of one that has a ratio which says little yet.
   */
  readonly sittings: { readonly least: number; readonly most: number };
  /** How long contestants run before they are measured, in each sitting. */
  readonly warmUpMs: number;
  /** Whether the scenario Asleep is measured. */
  readonly asleep: boolean;
  /** How often servers are. */
  readonly serverSittings: number;
  readonly serverHeats: Span;
  readonly serverFinals: Span;
  /** Rounds of Overhead. */
  readonly overheadRounds: number;
  /** How long one figure of one contestant is measured in one round. */
  readonly roundMs: number;
  /** So many calls it is of at least, if they do not take longer than `mostRoundMs`: a percentile of three is none. */
  readonly leastCalls: number;
  readonly mostRoundMs: number;
  /**
   * The same for servers: one rate, or one number of clients; six bounds of a model where they are longer. A hundred bounds of the
   * quickest model are two seconds: in less, a single collection of garbage is more than the hundredth that the p99 leaves out.
   */
  readonly serverMs: number;
  /** How long clients call a server before it is measured, in each sitting; a second at most where the server takes long to answer. */
  readonly serverWarmUpMs: number;
  /** Halvings of the interval that the highest rate lies in, in the heats. */
  readonly halvings: number;
}

const ALL = ['resnet50', 'mobilenet', 'encoder', 'mlp'];

export const PLANS: Readonly<Record<BenchPlan['mode'], BenchPlan>> = {
  smoke: {
    mode: 'smoke',
    models: ['mlp'],
    served: ['mlp'],
    batches: [],
    offline: [8],
    clients: [2],
    heats: { least: 1, most: 1, forMs: 0 },
    finals: { least: 1, most: 1, forMs: 0 },
    sittings: { least: 2, most: 2 },
    warmUpMs: 20,
    asleep: true,
    serverSittings: 1,
    serverHeats: { least: 1, most: 1, forMs: 0 },
    serverFinals: { least: 1, most: 1, forMs: 0 },
    overheadRounds: 1,
    roundMs: 20,
    leastCalls: 1,
    mostRoundMs: 20,
    serverMs: 200,
    serverWarmUpMs: 100,
    halvings: 1,
  },
  quick: {
    mode: 'quick',
    models: ALL,
    served: ['mobilenet'],
    batches: [],
    offline: [8],
    clients: [1, 8],
    heats: { least: 1, most: 2, forMs: 20_000 },
    finals: { least: 3, most: 40, forMs: 8000 },
    sittings: { least: 1, most: 1 },
    warmUpMs: 100,
    asleep: false,
    serverSittings: 1,
    serverHeats: { least: 1, most: 1, forMs: 0 },
    serverFinals: { least: 2, most: 2, forMs: 0 },
    overheadRounds: 8,
    roundMs: 50,
    leastCalls: 16,
    mostRoundMs: 300,
    serverMs: 700,
    serverWarmUpMs: 700,
    halvings: 3,
  },
  full: {
    mode: 'full',
    models: ALL,
    // The quick ones first, so that a run that is ended early has most of them.
    served: ['mlp', 'mobilenet', 'encoder', 'resnet50'],
    batches: [4, 32],
    offline: [8],
    clients: [1, 8, 32],
    heats: { least: 3, most: 6, forMs: 60_000 },
    finals: { least: 3, most: 30, forMs: 40_000 },
    sittings: { least: 4, most: 8 },
    warmUpMs: 300,
    asleep: true,
    serverSittings: 4,
    serverHeats: { least: 1, most: 1, forMs: 0 },
    serverFinals: { least: 2, most: 4, forMs: 300_000 },
    overheadRounds: 16,
    roundMs: 100,
    leastCalls: 20,
    mostRoundMs: 500,
    serverMs: 2000,
    serverWarmUpMs: 15_000,
    halvings: 4,
  },
};

const ORDER: readonly BenchPlan['mode'][] = ['smoke', 'quick', 'full'];

/** Why somebody who takes part from a plan on is not in this one; null where it is. */
export function missingIn(mode: BenchPlan['mode'], from: BenchPlan['mode']): string | null {
  if (ORDER.indexOf(from) <= ORDER.indexOf(mode)) return null;
  return `only in npm run bench${from === 'full' ? ':full' : ''}`;
}

/** Threads of one inference, the same for all: the cores but one, which is left for event loops and load. */
export function threadBudget(): number {
  return Math.max(1, availableCores() - 1);
}

/** Servers run on the first cores, the load generator on the last. Null where there is one core only. */
export function coreSplit(): { readonly servers: string; readonly load: string } | null {
  const last = cpus().length - 1;
  return last === 0 ? null : { servers: last === 1 ? '0' : `0-${last - 1}`, load: String(last) };
}
