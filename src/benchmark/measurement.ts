import type { SampleInputs } from '../conversion/build.js';
import type { BatchInputs } from './bench-inputs.js';
import type { Contestant, Contestants } from './contestant.js';
import { latencyOf, median, ratioOf, spreadOf } from './figures.js';
import type { ClientCalls, LoopDelay, Subject } from './protocol.js';
import type { BatchReport, ContestantReport, Ratios, Shares } from './report.js';

/** What is measured of each contestant. */
export interface Plan {
  readonly one: SampleInputs;
  readonly batches: readonly BatchInputs[];
  readonly concurrency: readonly number[];
  /** How long one figure is measured in one round. */
  readonly roundMs: number;
}

/** A step of a round. */
export type Step = (measurement: Measurement) => Promise<void>;

/** One contestant, and what its rounds have found so far. */
export class Measurement {
  readonly #coldStart: number[] = [];
  readonly #load: number[] = [];
  readonly #firstRun: number[] = [];
  readonly #latency: number[][] = [];
  readonly #loop: LoopDelay[] = [];
  readonly #batches: number[][][];
  readonly #clients: ClientCalls[][];
  #file = '';
  #loaded = 0;
  #contestant!: Contestant;
  #joining!: Contestant;

  constructor(
    readonly name: ContestantReport['name'],
    private readonly subject: Subject,
    /** As users with many clients load it; null for the same process. */
    private readonly batching: Subject | null,
    private readonly plan: Plan,
  ) {
    this.#batches = plan.batches.map(() => []);
    this.#clients = plan.concurrency.map(() => []);
  }

  /** Starts a process, loads the model, makes one call, and ends it. */
  coldStart(contestants: Contestants): Promise<void> {
    const start = performance.now();
    return contestants.with(async (contestant) => {
      const { loadMs } = await contestant.open(this.subject);
      await contestant.give([this.plan.one]);
      const firstMs = await contestant.first();
      this.#coldStart.push(performance.now() - start);
      this.#load.push(loadMs);
      this.#firstRun.push(firstMs);
    });
  }

  /** Starts the process of the rounds, which makes one call; its outputs can be had. */
  async open(contestants: Contestants): Promise<Contestant> {
    const { one, batches, concurrency } = this.plan;
    this.#contestant = contestants.start();
    this.#file = (await this.#contestant.open(this.subject)).file;
    await this.#contestant.give([one, ...batches.map(({ inputs }) => inputs ?? {})]);
    await this.#contestant.first();
    this.#loaded = (await this.#contestant.memory()).now;
    this.#joining = this.#contestant;
    if (this.batching !== null && concurrency.length > 0) {
      this.#joining = contestants.start();
      await this.#joining.open(this.batching);
      await this.#joining.give([one]);
    }
    return this.#contestant;
  }

  /** The steps of a round. Contestants take each in turn, so that whatever else the machine does hits all alike. */
  static steps({ batches, concurrency, roundMs }: Plan): Step[] {
    return [
      async (one) => void one.#latency.push(await one.#contestant.calls(0, roundMs)),
      ...batches.flatMap(({ batch, inputs }, index): Step[] =>
        // A batch of one is a single call.
        batch === 1 || inputs === null
          ? []
          : [async (one) => void one.#batches[index]!.push(await one.#contestant.calls(index + 1, roundMs))],
      ),
      async (one) => void one.#loop.push(await one.#contestant.loop(roundMs)),
      ...concurrency.map(
        (clients, index): Step =>
          async (one) =>
            void one.#clients[index]!.push(await one.#joining.clients(clients, roundMs)),
      ),
    ];
  }

  /** @param shares of what the machine does at most, of a call of so many milliseconds on the inputs of this number */
  async report(shares: (batch: number, callMs: number) => Shares): Promise<ContestantReport> {
    const { concurrency } = this.plan;
    return {
      name: this.name,
      file: this.#file,
      coldStart: spreadOf(this.#coldStart),
      load: spreadOf(this.#load),
      firstRun: spreadOf(this.#firstRun),
      memory: { loaded: this.#loaded, peak: (await this.#contestant.memory()).peak },
      latency: latencyOf(this.#latency),
      loopDelay: {
        p50: median(this.#loop.map(({ p50 }) => p50)),
        p99: median(this.#loop.map(({ p99 }) => p99)),
        max: Math.max(...this.#loop.map(({ max }) => max)),
      },
      batches: this.plan.batches.map((given, index) => this.#batchReport(given, index, shares)),
      concurrency: concurrency.map((clients, index) => {
        const rounds = this.#clients[index]!;
        const sizes = rounds.flatMap(({ batchSize }) => batchSize ?? []);
        return {
          clients,
          inferencesPerSecond: spreadOf(rounds.map(rateOf)),
          latency: latencyOf(rounds.map(({ durations }) => durations)),
          batchSize: sizes.length === 0 ? null : median(sizes),
        };
      }),
    };
  }

  /** How many times as fast this one is as another. */
  ratiosTo(other: Measurement): Ratios {
    const { batches, concurrency } = this.plan;
    return {
      coldStart: ratioOf(other.#coldStart, this.#coldStart),
      latency: ratioOf(other.#latency.map(median), this.#latency.map(median)),
      batches: batches.flatMap(({ batch, inputs }, index) =>
        inputs === null
          ? []
          : [{ batch, ratio: ratioOf(other.#rounds(index).map(median), this.#rounds(index).map(median)) }],
      ),
      concurrency: concurrency.map((clients, index) => ({
        clients,
        ratio: ratioOf(this.#clients[index]!.map(rateOf), other.#clients[index]!.map(rateOf)),
      })),
    };
  }

  #rounds(index: number): readonly number[][] {
    return this.plan.batches[index]!.batch === 1 ? this.#latency : this.#batches[index]!;
  }

  #batchReport(
    { batch, inputs, reason }: BatchInputs,
    index: number,
    shares: (batch: number, callMs: number) => Shares,
  ): BatchReport {
    if (inputs === null) {
      return { batch, call: null, inferencesPerSecond: null, share: null, shareOfConvolution: null, reason };
    }
    const rounds = this.#rounds(index);
    const call = latencyOf(rounds);
    return {
      batch,
      call,
      inferencesPerSecond: spreadOf(rounds.map((durations) => (1000 * batch) / median(durations))),
      ...shares(batch, call.rounds.median),
      reason: null,
    };
  }
}

function rateOf({ durations, elapsedMs }: ClientCalls): number {
  return (1000 * durations.length) / elapsedMs;
}
