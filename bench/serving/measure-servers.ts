import { fileURLToPath } from 'node:url';
import { asAbsent } from '../contestants/as-absent.js';
import { LineProcess } from '../contestants/line-process.js';
import { Absent } from '../contestants/protocol.js';
import { MODELS } from '../models/catalogue.js';
import { type BenchPlan, coreSplit, missingIn } from '../plan.js';
import type { ContestantResult, Measured } from '../results/result.js';
import { figureOf } from '../results/spread.js';
import { finalsOf, measureHeatsAndFinals } from '../scenarios/finals.js';
import type { Step } from '../scenarios/rounds.js';
import { SERVERS } from './catalogue.js';
import { type Load, type PreparedServer, ServerContestant } from './server-contestant.js';

/** Makes what the servers load. */
export async function prepareServers(
  { mode, served }: BenchPlan,
  threads: number,
  onProgress: (what: string) => void,
): Promise<PreparedServer[]> {
  const prepared: PreparedServer[] = [];
  for (const model of MODELS.filter(({ name }) => served.includes(name))) {
    for (const spec of SERVERS) {
      const missing = missingIn(mode, spec.from);
      if (missing === null) onProgress(`prepare ${spec.name}, ${model.name}`);
      try {
        if (missing !== null) throw new Absent(missing);
        const command = await spec.command(model, threads);
        prepared.push({ spec, model, command, computesIn: await spec.computesIn(model, threads) });
      } catch (error) {
        prepared.push({ spec, model, command: asAbsent(error, spec, mode), computesIn: null });
      }
    }
  }
  return prepared;
}

/**
 * Server, and the throughput by the number of clients, of the servers of one model. In the heats each server is alone; in the finals
 * those that are compared take turns, one trial each, as long as they are up. Heats are for the first sitting; in later ones only
 * those take part that are compared.
 *
 * @param earlier what was found of these servers in earlier sittings
 */
export async function measureServers(
  prepared: readonly PreparedServer[],
  plan: BenchPlan,
  earlier: readonly Measured[],
  onProgress: (what: string) => void,
): Promise<{ readonly contestants: ContestantResult[]; readonly measurements: Measured[] }> {
  const generator = fileURLToPath(new URL('load-generator.js', import.meta.url));
  const cores = coreSplit();
  const pinned = cores === null ? [] : ['taskset', '-c', cores.load];
  const load: Load = new LineProcess([...pinned, process.execPath, generator] as unknown as [string]);
  const own = new Set(prepared.flatMap(({ spec: { name, isOurs } }) => (isOurs ? [name] : [])));
  const isFirst = earlier.length === 0;
  const finalists = new Set(finalsOf(earlier, own).flatMap(({ names }) => [...names]));
  const all = prepared
    .filter(({ spec }) => isFirst || finalists.has(spec.name))
    .map((each) => new ServerContestant(each, plan, load, cores?.servers ?? null, rateOf(each, earlier)));
  const present: ServerContestant[] = [];
  try {
    // Whoever cannot start is out, and answers are compared, before anything is timed.
    for (const each of all) {
      onProgress(`try ${each.result.name}, ${each.result.model}`);
      if (await each.isThere(present[0])) present.push(each);
    }
    const sides = new Set(present.map(({ result }) => result.isOurs));
    // In the first one, each is worth knowing alone.
    if (!isFirst && sides.size < 2) return { contestants: [], measurements: [] };
    const step: Step<ServerContestant> = { decides: () => ['Server'], begin: (each, round) => each.round(round) };
    const eachRound = async (round: number) => onProgress(`round ${round + 1}`);
    const { serverHeats: heats, serverFinals: finals } = plan;
    const rounds = { heats, finals, own, earlier, eachRound, heatsCount: false };
    const measurements = await measureHeatsAndFinals(present, [step], rounds);
    return { contestants: isFirst ? all.map(({ result }) => result) : [], measurements };
  } finally {
    for (const each of present) await each.stop();
    await load.end();
  }
}

/** The highest rate of a server in earlier rounds; 0 where there are none. */
function rateOf({ spec }: PreparedServer, earlier: readonly Measured[]): number {
  const found = earlier.find(({ scenario, contestant }) => scenario === 'Server' && contestant === spec.name);
  return found === undefined ? 0 : figureOf(found.rounds).median;
}
