import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MatmulPrecision } from '#src/benchmark/protocol';
import { packageVersion } from '#src/config/package-root';
import { type Agreement, type Answer, agreementOf } from '../contestants/agree.js';
import { LineProcess } from '../contestants/line-process.js';
import { Absent } from '../contestants/protocol.js';
import { type BenchModel, MODELS } from '../models/catalogue.js';
import { MADE } from '../models/made.js';
import { type BenchPlan, coreSplit, missingIn } from '../plan.js';
import type { ContestantResult, Measured } from '../results/result.js';
import { measureHeatsAndFinals } from '../scenarios/finals.js';
import { type Figure, inOneTurn, type Step } from '../scenarios/rounds.js';
import { PORT, SERVERS, type ServerSpec } from './catalogue.js';
import { highestRate, rateNear } from './highest-rate.js';
import type { LoadAsk, LoadReplies } from './load-protocol.js';
import { startServer } from './server-process.js';

type Load = LineProcess<LoadAsk, LoadReplies>;

/** A server and the command that starts it, or why it cannot take part. */
export interface PreparedServer {
  readonly spec: ServerSpec;
  readonly model: BenchModel;
  readonly command: readonly [string, ...string[]] | Absent;
  readonly computesIn: MatmulPrecision | null;
}

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
        if (!(error instanceof Absent)) throw error;
        prepared.push({ spec, model, command: error, computesIn: null });
      }
    }
  }
  return prepared;
}

/** Server, and the throughput by the number of clients: each server alone, started anew for each round. */
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
      const trials = ofModel.map((each) => new Trial(each, plan, load, cores?.servers ?? null));
      // Whoever cannot start is out, and answers are compared, before anything is timed.
      const present: Trial[] = [];
      for (const trial of trials) {
        onProgress(`try ${trial.result.name}, ${name}`);
        if (await trial.isThere(present[0])) present.push(trial);
      }
      const step: Step<Trial> = { decides: () => ['Server'], begin: (trial) => inOneTurn(() => trial.round()) };
      const own = new Set(present.flatMap(({ result }) => (result.isOurs ? [result.name] : [])));
      const eachRound = async (round: number) => onProgress(`servers, ${name}, round ${round + 1}`);
      const { serverHeats: heats, serverFinals: finals } = plan;
      const rounds = { heats, finals, own, earlier: [], eachRound };
      found.measurements.push(...(await measureHeatsAndFinals(present, [step], rounds)));
      found.contestants.push(...trials.map(({ result }) => result));
    }
  } finally {
    await load.end();
  }
  return found;
}

/** A trial lasts so many bounds at least: shorter ones have a handful of queries, and no batch begins and ends in them. */
const LEAST_BOUNDS = 6;

/** Servers that answer more in a second are warmed up longer. */
const QUICK_QUERIES = 200;

/** One server with one model. */
class Trial {
  result: ContestantResult;
  #answer: Answer | undefined;
  #rounds = 0;
  /** The highest rate that held in the last round. */
  #rate = 0;

  constructor(
    private readonly prepared: PreparedServer,
    private readonly plan: BenchPlan,
    private readonly load: Load,
    private readonly cores: string | null,
  ) {
    const { spec, model, command, computesIn } = prepared;
    const { name, isOurs, precision, settings } = spec;
    const absent = command instanceof Absent ? command.message : null;
    this.result = {
      name,
      isOurs,
      precision,
      computesIn,
      model: model.name,
      settings,
      versions: {},
      agreement: null,
      absent,
    };
  }

  /** Starts the server once, and compares its answer with that of another. */
  async isThere(other: Trial | undefined): Promise<boolean> {
    if (this.prepared.command instanceof Absent) return false;
    try {
      const versions = await this.#withServer(async () => {
        const ready = await fetch(`http://127.0.0.1:${PORT}${this.prepared.spec.ready}`);
        return (await ready.json()) as Record<string, string>;
      });
      // Ours says no versions there: they are those of this process.
      this.result = { ...this.result, versions: this.result.isOurs ? { infernode: packageVersion() } : versions };
    } catch (error) {
      const { message } = error as Error;
      const missing = /ModuleNotFoundError: (.*)/.exec(message)?.[1];
      if (missing === undefined) throw error;
      this.result = { ...this.result, absent: `${missing}: npm run bench:peers installs it` };
      return false;
    }
    if (other !== undefined) this.result = { ...this.result, agreement: this.#agreementWith(other) };
    return true;
  }

  /** The first round finds the throughput by the number of clients too, and from that where to look for the rate. */
  round(): Promise<readonly Figure[]> {
    const { boundMs } = this.prepared.model;
    const { serverMs, halvings } = this.plan;
    const ms = Math.max(serverMs, LEAST_BOUNDS * boundMs);
    const seed = ++this.#rounds;
    let queries = 0;
    const holds = async (rate: number) => {
      const found = await this.load.ask({ ask: 'arrivals', rate, ms, seed, boundMs });
      queries += found.queries;
      return found.p99 !== null && found.p99 <= boundMs;
    };
    return this.#withServer(async () => {
      await this.#warmUp();
      const isKnown = this.#rate > 0;
      const figures = isKnown ? [] : await this.#throughputs(ms);
      this.#rate = isKnown
        ? await rateNear(this.#rate, halvings - 1, holds)
        : await highestRate(Math.max(...figures.map(({ value }) => value)), halvings, holds);
      return [...figures, { scenario: 'Server', at: null, value: this.#rate, calls: queries }];
    });
  }

  /** What compiles while it runs takes thousands of queries to be done, which are a good part of the time of quick ones. */
  async #warmUp(): Promise<void> {
    const clients = Math.max(...this.plan.clients);
    const ms = this.plan.serverWarmUpMs;
    const { throughput } = await this.load.ask({ ask: 'clients', clients, ms });
    if (throughput > QUICK_QUERIES) await this.load.ask({ ask: 'clients', clients, ms: 4 * ms });
  }

  async #throughputs(ms: number): Promise<Figure[]> {
    const figures: Figure[] = [];
    for (const count of this.plan.clients) {
      const { throughput } = await this.load.ask({ ask: 'clients', clients: count, ms });
      const calls = Math.round((throughput * ms) / 1000);
      figures.push({ scenario: 'Concurrency', at: count, value: throughput, calls });
    }
    return figures;
  }

  /** Runs something while the server is up and the load generator knows its request. */
  async #withServer<T>(use: () => Promise<T>): Promise<T> {
    const { spec, model, command } = this.prepared;
    const server = await startServer(command as readonly [string, ...string[]], {
      port: PORT,
      core: this.cores,
      ready: spec.ready,
    });
    try {
      const request = join(MADE, 'request.bin');
      await writeFile(request, await spec.request(model));
      const answer = await this.load.ask({ ask: 'connect', port: PORT, request });
      this.#answer ??= answerOf(answer);
      return await use();
    } finally {
      await server.stop();
    }
  }

  #agreementWith(other: Trial): Agreement {
    const { name, precision } = this.result;
    try {
      return agreementOf(this.#answer!, other.#answer!, precision);
    } catch (error) {
      throw new Error(`${name} does not answer as ${other.result.name}: ${(error as Error).message}`);
    }
  }
}

/** The float32 numbers of an answer, behind the JSON of the Open Inference Protocol where there is some. */
function answerOf({ head, body }: LoadReplies['connect']): Answer {
  const offset = Number(/\r\ninference-header-content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
  const bytes = Uint8Array.from(Buffer.from(body, 'base64')).slice(offset);
  const data = new Float32Array(bytes.buffer);
  return { shape: [1, data.length], data };
}
