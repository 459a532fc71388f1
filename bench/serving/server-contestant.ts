import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MatmulPrecision } from '#src/benchmark/protocol';
import { packageVersion } from '#src/config/package-root';
import { type Agreement, type Answer, agreementOf } from '../contestants/agree.js';
import { asAbsent } from '../contestants/as-absent.js';
import { classOf } from '../contestants/catalogue.js';
import type { LineProcess } from '../contestants/line-process.js';
import { Absent } from '../contestants/protocol.js';
import type { BenchModel } from '../models/catalogue.js';
import { MADE } from '../models/made.js';
import type { BenchPlan } from '../plan.js';
import type { ContestantResult } from '../results/result.js';
import { type Figure, inOneTurn, type Turns } from '../scenarios/rounds.js';
import type { ServerCommand, ServerSpec } from './catalogue.js';
import { freePort } from './free-port.js';
import { highestRate, rateNear, type Search } from './highest-rate.js';
import type { LoadAsk, LoadReplies } from './load-protocol.js';
import { type ServerProcess, startServer } from './server-process.js';

export type Load = LineProcess<LoadAsk, LoadReplies>;

/** A server and the command that starts it, or why it cannot take part. */
export interface PreparedServer {
  readonly spec: ServerSpec;
  readonly model: BenchModel;
  readonly command: ServerCommand | Absent;
  readonly computesIn: MatmulPrecision | null;
}

/** A trial lasts so many bounds at least: shorter ones have a handful of queries, and no batch begins and ends in them. */
const LEAST_BOUNDS = 6;

/** A trial of clients lasts as long as so many answers to each take: of batches that answer half of them at once, some eight. */
const LEAST_ANSWERS = 4;

/** Below so many queries in a second, the half millisecond that V8 has yet to save is below three percent of each. */
const LEAST_WARM_UP_RATE = 50;
/** In which that is found out. */
const SHORT_WARM_UP_MS = 1000;

/** One server with one model. */
export class ServerContestant {
  result: ContestantResult;
  #answer: Answer | undefined;
  #server: ServerProcess | undefined;
  /** The highest rate that held in the last round. */
  #rate: number;

  /** @param rate about which it is looked for; 0 where that is not known */
  constructor(
    private readonly prepared: PreparedServer,
    private readonly plan: BenchPlan,
    private readonly load: Load,
    private readonly cores: string | null,
    rate: number,
  ) {
    this.#rate = rate;
    const { spec, model, command, computesIn } = prepared;
    const { name, isOurs, precision, settings } = spec;
    const absent = command instanceof Absent ? command.message : null;
    this.result = {
      name,
      isOurs,
      precision: classOf(precision, computesIn),
      computesIn,
      model: model.name,
      settings,
      versions: {},
      agreement: null,
      absent,
    };
  }

  /** Starts the server once, and compares its answer with that of another. */
  async isThere(other: ServerContestant | undefined): Promise<boolean> {
    if (this.prepared.command instanceof Absent) return false;
    try {
      const { port } = await this.#start();
      const ready = await fetch(`http://127.0.0.1:${port}${this.prepared.spec.ready}`);
      // Ours says no versions there: they are those of this process.
      const versions = this.result.isOurs
        ? { infernode: packageVersion() }
        : ((await ready.json()) as Record<string, string>);
      this.result = { ...this.result, versions };
    } catch (error) {
      const { message } = error as Error;
      const missing = /ModuleNotFoundError: (.*)/.exec(message)?.[1];
      const { message: absent } =
        missing === undefined
          ? asAbsent(error, this.result, this.plan.mode)
          : new Absent(`${missing}: npm run bench:peers installs it`);
      this.result = { ...this.result, absent };
      return false;
    } finally {
      await this.stop();
    }
    if (other !== undefined) this.result = { ...this.result, agreement: this.#agreementWith(other) };
    return true;
  }

  /**
   * A first one alone, from which it is known where to look for the rate; then one in turns.
   *
   * @param seed of the arrivals, the same for all servers in one round
   */
  round(seed: number): Turns {
    return this.#rate > 0 ? this.#searchInTurns(seed) : inOneTurn(() => this.#firstRound(seed));
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  async #firstRound(seed: number): Promise<readonly Figure[]> {
    try {
      const { port } = await this.#warm();
      const figures: Figure[] = [];
      for (const count of this.plan.clients) {
        const answersMs = (1000 * LEAST_ANSWERS * count) / (figures.at(-1)?.value ?? Number.POSITIVE_INFINITY);
        const ms = Math.max(this.#trialMs, answersMs);
        const { throughput } = await this.load.ask({ ask: 'clients', port, clients: count, ms });
        const calls = Math.round((throughput * ms) / 1000);
        figures.push({ scenario: 'Concurrency', at: count, value: throughput, calls });
      }
      const capacity = Math.max(...figures.map(({ value }) => value));
      const turns = this.#turnsOf(highestRate(capacity, this.plan.halvings), seed);
      while (await turns.take());
      return [...figures, ...turns.figures()];
    } finally {
      await this.stop();
    }
  }

  #searchInTurns(seed: number): Turns {
    const search = this.#turnsOf(rateNear(this.#rate), seed);
    return {
      ...search,
      // The first turn of a server is for its warm-up alone, so that trials are next to those of others.
      take: async () => {
        if (this.#server !== undefined) return search.take();
        await this.#warm();
        return true;
      },
    };
  }

  /** One trial in each turn, of the server that is up. */
  #turnsOf(search: Search, seed: number): Turns {
    const { boundMs } = this.prepared.model;
    let step = search.next();
    let queries = 0;
    return {
      take: async () => {
        const { port } = this.#server!;
        const arrivals = { port, rate: step.value, ms: this.#trialMs, seed, boundMs };
        const found = await this.load.ask({ ask: 'arrivals', ...arrivals });
        queries += found.queries;
        step = search.next(found.p99 !== null && found.p99 <= boundMs);
        if (step.done) this.#rate = step.value;
        return !step.done;
      },
      figures: () => [{ scenario: 'Server', at: null, value: this.#rate, calls: queries }],
    };
  }

  get #trialMs(): number {
    return Math.max(this.plan.serverMs, LEAST_BOUNDS * this.prepared.model.boundMs);
  }

  /** What compiles while it runs takes some three thousand queries to be done, and is slower until then by half a millisecond each. */
  async #warm(): Promise<ServerProcess> {
    const server = await this.#start();
    const { port } = server;
    const clients = Math.max(...this.plan.clients);
    const ms = Math.min(this.plan.serverWarmUpMs, SHORT_WARM_UP_MS);
    const { throughput } = await this.load.ask({ ask: 'clients', port, clients, ms });
    const left = this.plan.serverWarmUpMs - ms;
    if (left > 0 && throughput > LEAST_WARM_UP_RATE) await this.load.ask({ ask: 'clients', port, clients, ms: left });
    return server;
  }

  /** The server is up then, and the load generator knows its request. */
  async #start(): Promise<ServerProcess> {
    await this.stop();
    const { spec, model, command } = this.prepared;
    const port = await freePort();
    const server = await startServer((command as ServerCommand)(port), { port, core: this.cores, ready: spec.ready });
    this.#server = server;
    const request = join(MADE, 'request.bin');
    await writeFile(request, await spec.request(model, port));
    const answer = await this.load.ask({ ask: 'connect', port, request });
    this.#answer ??= answerOf(answer);
    return server;
  }

  #agreementWith(other: ServerContestant): Agreement {
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
