import { median, percentile } from '#src/benchmark/figures';
import type { Contestant } from '../contestants/contestant.js';
import type { BenchPlan } from '../plan.js';
import type { AwakeCores } from './awake-cores.js';
import { type Figure, inOneTurn, type Step, type Turns } from './rounds.js';
import { STREAMS } from './scenario.js';

/**
 * So long is a turn, some of which make up a figure of a round: short beside what a machine does for a while, long beside what it
 * takes a process to get going again.
 */
const TURN_MS = 50;

/** Timers of a millisecond fire often enough in this time for a p99. */
const LOOP_MS = 200;

/** @param take makes calls for a while, and resolves to how many they were */
function turnsOf(plan: BenchPlan, take: (ms: number) => Promise<number>, figures: Turns['figures']): Turns {
  let [spentMs, calls] = [0, 0];
  return {
    async take() {
      const begin = performance.now();
      calls += await take(Math.min(TURN_MS, plan.roundMs));
      spentMs += performance.now() - begin;
      const wanted = calls < plan.leastCalls ? plan.mostRoundMs : plan.roundMs;
      return wanted - spentMs > TURN_MS / 2;
    },
    figures,
  };
}

/** What is measured of contestants in each round: calls of each size, Offline, and for those in Node.js the event loop. */
export function stepsOf(sizes: readonly number[], plan: BenchPlan, cores: AwakeCores | null): Step<Contestant>[] {
  const { asleep } = plan;
  const offline = plan.offline.filter((size) => sizes.includes(size));
  return [
    ...sizes.map((size): Step<Contestant> => {
      // Without calls in flight at once, Offline is the same calls.
      const isOffline = ({ inFlight }: Contestant) => offline.includes(size) && inFlight === 1;
      return {
        decides: (contestant) => [...percentileOf(size), ...(isOffline(contestant) ? (['Offline'] as const) : [])],
        begin: (contestant) =>
          callsInTurns(contestant, sizes.indexOf(size), plan, (durations) => [
            ...figuresOf(size, durations),
            ...(isOffline(contestant) ? [offlineOf(size, durations.length, sum(durations))] : []),
          ]),
      };
    }),
    ...offline.map(
      (size): Step<Contestant> => ({
        applies: ({ inFlight }) => inFlight > 1,
        decides: () => ['Offline'],
        begin: (contestant) => offlineInTurns(contestant, sizes.indexOf(size), size, plan),
      }),
    ),
    {
      applies: ({ spec }) => asleep && cores !== null && spec.runsIn === 'node',
      decides: () => [],
      begin: (contestant) =>
        callsInTurns(
          contestant,
          0,
          plan,
          (durations) => [{ scenario: 'Asleep', at: null, value: percentile(durations, 0.9), calls: durations.length }],
          (measure) => cores!.asleep(measure),
        ),
    },
    {
      applies: ({ spec }) => spec.runsIn === 'node',
      decides: () => [],
      begin: ({ process }) =>
        inOneTurn(async () => {
          const { p99 } = await process!.ask({ ask: 'loop', input: 0, ms: Math.max(LOOP_MS, plan.roundMs) });
          return [{ scenario: 'EventLoop', at: null, value: p99, calls: 1 }];
        }),
    },
  ];
}

/** Calls one after another. */
function callsInTurns(
  { process }: Contestant,
  input: number,
  plan: BenchPlan,
  figures: (durations: readonly number[]) => readonly Figure[],
  around: <T>(measure: () => Promise<T>) => Promise<T> = (measure) => measure(),
): Turns {
  const durations: number[] = [];
  const take = async (turnMs: number) => {
    const found = await around(() => process!.ask({ ask: 'calls', input, ms: turnMs }));
    durations.push(...found.durations);
    return found.durations.length;
  };
  return turnsOf(plan, take, () => figures(durations));
}

/** The scenario whose percentile calls of this size are of. */
function percentileOf(size: number): readonly ('SingleStream' | 'MultiStream')[] {
  if (size === 1) return ['SingleStream'];
  return size === STREAMS ? ['MultiStream'] : [];
}

function figuresOf(size: number, durations: readonly number[]): readonly Figure[] {
  const calls = durations.length;
  const share = { SingleStream: 0.9, MultiStream: 0.99 } as const;
  return [
    { scenario: 'Batch', at: size, value: (1000 * size) / median(durations), calls },
    ...percentileOf(size).map((scenario) => ({
      scenario,
      at: null,
      value: percentile(durations, share[scenario]),
      calls,
    })),
  ];
}

function offlineInTurns({ process }: Contestant, input: number, size: number, plan: BenchPlan): Turns {
  let [calls, elapsedMs] = [0, 0];
  const take = async (turnMs: number) => {
    const found = await process!.ask({ ask: 'offline', input, ms: turnMs });
    calls += found.calls;
    elapsedMs += found.elapsedMs;
    return found.calls;
  };
  return turnsOf(plan, take, () => [offlineOf(size, calls, elapsedMs)]);
}

function offlineOf(size: number, calls: number, elapsedMs: number): Figure {
  return { scenario: 'Offline', at: size, value: (1000 * size * calls) / elapsedMs, calls };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
