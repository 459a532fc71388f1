import { fileURLToPath } from 'node:url';
import { asAbsent } from '../contestants/as-absent.js';
import { LineProcess } from '../contestants/line-process.js';
import { Absent } from '../contestants/protocol.js';
import { MODELS } from '../models/catalogue.js';
import { type BenchPlan, coreSplit, missingIn } from '../plan.js';
import type { ContestantResult, Measured } from '../results/result.js';
import { measureHeatsAndFinals } from '../scenarios/finals.js';
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
      onProgress(`prepare ${spec.name}, ${model.name}`);
      try {
        const missing = missingIn(mode, spec.from);
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
 * Server, and the throughput by the number of clients. In the heats each server is alone; in the finals those that are compared
 * take turns, one trial each, as long as they are up.
 */
export async function measureServers(
  prepared: readonly PreparedServer[],
  plan: BenchPlan,
  onProgress: (what: string) => void,
): Promise<{ readonly contestants: ContestantResult[]; readonly measurements: Measured[] }> {
  const generator = fileURLToPath(new URL('load-generator.js', import.meta.url));
  const cores = coreSplit();
  const pinned = cores === null ? [] : ['taskset', '-c', cores.load];
  const load: Load = new LineProcess([...pinned, process.execPath, generator] as unknown as [string]);
  const found = { contestants: [] as ContestantResult[], measurements: [] as Measured[] };
  try {
    for (const { name } of MODELS) {
      const ofModel = prepared.filter(({ model }) => model.name === name);
      if (ofModel.length === 0) continue;
      const all = ofModel.map((each) => new ServerContestant(each, plan, load, cores?.servers ?? null));
      // Whoever cannot start is out, and answers are compared, before anything is timed.
      const present: ServerContestant[] = [];
      for (const each of all) {
        onProgress(`try ${each.result.name}, ${name}`);
        if (await each.isThere(present[0])) present.push(each);
      }
      const step: Step<ServerContestant> = { decides: () => ['Server'], begin: (each, round) => each.round(round) };
      const own = new Set(present.flatMap(({ result }) => (result.isOurs ? [result.name] : [])));
      const eachRound = async (round: number) => onProgress(`servers, ${name}, round ${round + 1}`);
      const { serverHeats: heats, serverFinals: finals } = plan;
      const rounds = { heats, finals, own, earlier: [], eachRound, heatsCount: false };
      try {
        found.measurements.push(...(await measureHeatsAndFinals(present, [step], rounds)));
      } finally {
        for (const each of present) await each.stop();
      }
      found.contestants.push(...all.map(({ result }) => result));
    }
  } finally {
    await load.end();
  }
  return found;
}
