import { CandidateProcess } from '../conversion/candidate-process.js';
import { InfernodeError } from '../errors.js';
import type { CandidateResult, OptimizeReport, PlayOffResult } from './optimize-report.js';
import { type Built, candidateFile, type TrialSetup, type Tried } from './trial.js';

/** Beside a busy thread a candidate may take this many times as long; one that takes longer is the last choice. */
const MOST_SLOWDOWN = 3;

/** Candidates this near to the best are measured once more, in turns. */
const NEAR = 1.25;
const MOST_FINALISTS = 3;
const ROUNDS = 5;
const ROUND_MS = 250;

export interface Choice {
  readonly built: Built;
  /** As it was measured. */
  readonly result: CandidateResult;
  /** The same, with its verdict. */
  readonly chosen: CandidateResult;
  readonly reason: string;
  /** The last comparison; empty if there was none. */
  readonly playOff: readonly PlayOffResult[];
}

/**
 * The best right candidate that stays usable beside a busy thread. For latency the nearest ones are measured once more in
 * interleaved rounds: figures of one process a minute apart differ by more than the candidates do.
 *
 * @throws InfernodeError INF_CONVERSION_FAILED if not even the float model could be run
 */
export async function chooseBest(
  tried: readonly Tried[],
  objective: OptimizeReport['objective'],
  setup: TrialSetup,
): Promise<Choice> {
  const right = tried.filter(({ result }) => result.verdict === 'right');
  if (right.length === 0) {
    const reasons = tried.map(({ result }) => `${result.name}: ${result.reason}`).join('; ');
    throw new InfernodeError('INF_CONVERSION_FAILED', `No candidate runs and is right: ${reasons}`);
  }
  const byCost = (a: Tried, b: Tried) => costOf(a.result, objective) - costOf(b.result, objective);
  const [steadiest] = right.filter(({ result }) => slowdown(result) < MOST_SLOWDOWN).sort(byCost);
  // One that slows down much and still is no slower than the best of the others has nothing against it.
  const most = steadiest?.result.measurement?.busyLatencyMs ?? Number.POSITIVE_INFINITY;
  const pool = right.filter(
    ({ result }) => slowdown(result) < MOST_SLOWDOWN || result.measurement!.busyLatencyMs <= most,
  );
  const ranked = [...pool].sort(byCost);
  const least = costOf(ranked[0]!.result, objective);
  const finalists = ranked.filter(({ result }) => costOf(result, objective) < least * NEAR).slice(0, MOST_FINALISTS);
  const results = objective === 'latency' && finalists.length > 1 ? await playOff(finalists, setup) : [];
  const best = finalists[winner(results)] ?? ranked[0]!;
  const reason = [
    `the best ${objective} of ${right.length} candidates that are right`,
    ...(right.length > pool.length
      ? [`${right.length - pool.length} of them slow down too much beside a busy thread`]
      : []),
    ...fallbacks(tried, best.result),
  ].join('; ');
  return { ...best, chosen: { ...best.result, verdict: 'chosen', reason }, reason, playOff: results };
}

export function slowdown({ measurement }: CandidateResult): number {
  return measurement!.busyLatencyMs / measurement!.latencyMs;
}

function costOf({ measurement }: CandidateResult, objective: OptimizeReport['objective']): number {
  const { latencyMs, throughput, memoryBytes } = measurement!;
  return objective === 'latency' ? latencyMs : objective === 'memory' ? memoryBytes : 1 / throughput;
}

/** Rounds A B C, A B C, alone and beside a busy thread: what else the machine does hits all alike. */
async function playOff(finalists: readonly Tried[], setup: TrialSetup): Promise<PlayOffResult[]> {
  setup.signal?.throwIfAborted();
  const processes = finalists.map(() => new CandidateProcess());
  const end = () => {
    for (const process of processes) void process.end();
  };
  setup.signal?.addEventListener('abort', end, { once: true });
  // One that crashes now, though it ran before, has lost; the others go on.
  const orLost = async (step: Promise<unknown>) => {
    await step.catch(() => setup.signal?.throwIfAborted());
  };
  try {
    const results = finalists.map(({ result }) => ({ name: result.name, roundsMs: [], busyRoundsMs: [] }) as Rounds);
    for (const [index, { built, result }] of finalists.entries()) {
      await orLost(processes[index]!.load(candidateFile(built, result.threads, setup.libtorch)));
    }
    for (const busy of [false, true]) {
      for (let round = 0; round < ROUNDS; round++) {
        for (const [index, process] of processes.entries()) {
          const rounds = busy ? results[index]!.busyRoundsMs : results[index]!.roundsMs;
          await orLost(process.latency(setup.one, ROUND_MS, busy).then((median) => rounds.push(median)));
        }
      }
    }
    return results.map((rounds) => ({
      ...rounds,
      latencyMs: medianOf(rounds.roundsMs),
      busyLatencyMs: medianOf(rounds.busyRoundsMs),
    }));
  } finally {
    setup.signal?.removeEventListener('abort', end);
    end();
  }
}

interface Rounds {
  readonly name: string;
  readonly roundsMs: number[];
  readonly busyRoundsMs: number[];
}

/** Null unless every round was run. */
function medianOf(rounds: readonly number[]): number | null {
  return rounds.length < ROUNDS ? null : [...rounds].sort((a, b) => a - b)[ROUNDS >> 1]!;
}

/** The fastest of those that stay usable beside a busy thread, or of all if none does; -1 if none ran. */
function winner(results: readonly PlayOffResult[]): number {
  const ran = results.filter(({ latencyMs, busyLatencyMs }) => latencyMs !== null && busyLatencyMs !== null);
  const steady = ran.filter(({ latencyMs, busyLatencyMs }) => busyLatencyMs! < latencyMs! * MOST_SLOWDOWN);
  const pool = steady.length > 0 ? steady : ran;
  const [fastest] = [...pool].sort((a, b) => a.latencyMs! - b.latencyMs!);
  return fastest === undefined ? -1 : results.indexOf(fastest);
}

/** What was too inaccurate, for a reader who expected it. */
function fallbacks(tried: readonly Tried[], best: CandidateResult): string[] {
  const lost = tried.filter(({ result }) => result.verdict === 'inaccurate' && result.precision !== best.precision);
  const byPrecision = new Map(lost.map(({ result }) => [result.precision, result]));
  return [...byPrecision.values()].map(({ name, reason }) => `not ${name}: ${reason}`);
}
