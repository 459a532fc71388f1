import type { Outputs } from '../backends/backend.js';
import { moduleUrl } from '../config/package-root.js';
import { AskedProcess } from '../conversion/asked-process.js';
import type { SampleInputs } from '../conversion/build.js';
import { reviveInputs } from '../conversion/revive-inputs.js';
import { abortError } from '../errors.js';
import type { ClientCalls, LoopDelay, Memory, Opened, Request, Scouted, Subject } from './protocol.js';

/** A model in a process of its own, so that no runtime's threads are in another's way. */
export class Contestant {
  readonly #process = new AskedProcess<Request>(moduleUrl('benchmark/contestant-child.js'), 'benchmark');

  /** @throws InfernodeError as `load` does; INF_BACKEND_CRASHED, here and below */
  open(subject: Subject): Promise<Opened> {
    return this.#process.ask({ type: 'open', subject });
  }

  async scout(): Promise<Scouted> {
    const scouted = await this.#process.ask<Scouted>({ type: 'scout' });
    return { ...scouted, madeUp: scouted.madeUp && reviveInputs(scouted.madeUp) };
  }

  /** Hands over the inputs of all later calls; those at 0 are the ones of single calls. */
  give(inputs: readonly SampleInputs[]): Promise<void> {
    return this.#process.ask({ type: 'give', inputs });
  }

  /** Makes the first call; how long it took, in milliseconds. @throws InfernodeError as `run` does, here and below */
  first(): Promise<number> {
    return this.#process.ask({ type: 'first' });
  }

  /** The outputs of the first call, or of one on other inputs. */
  async outputs(inputs: SampleInputs | null = null): Promise<Outputs> {
    return reviveInputs(await this.#process.ask<Outputs>({ type: 'outputs', inputs })) as Outputs;
  }

  /** The durations of calls one after another, in milliseconds. */
  calls(input: number, milliseconds: number): Promise<number[]> {
    return this.#process.ask({ type: 'calls', input, milliseconds });
  }

  clients(clients: number, milliseconds: number): Promise<ClientCalls> {
    return this.#process.ask({ type: 'clients', clients, milliseconds });
  }

  loop(milliseconds: number): Promise<LoopDelay> {
    return this.#process.ask({ type: 'loop', milliseconds });
  }

  memory(): Promise<Memory> {
    return this.#process.ask({ type: 'memory' });
  }

  end(): Promise<void> {
    return this.#process.end();
  }
}

/** The processes of one benchmark. All end with it, and at once when the signal says so. */
export class Contestants {
  readonly #running = new Set<Contestant>();
  readonly #stop = () => void this.end();

  constructor(private readonly signal: AbortSignal | undefined) {
    signal?.addEventListener('abort', this.#stop, { once: true });
  }

  /** @throws InfernodeError INF_ABORTED */
  start(): Contestant {
    if (this.signal?.aborted) throw abortError(this.signal, 'The benchmark');
    const contestant = new Contestant();
    this.#running.add(contestant);
    return contestant;
  }

  /** Runs `use` with a process that ends with it. */
  async with<T>(use: (contestant: Contestant) => Promise<T>): Promise<T> {
    const contestant = this.start();
    try {
      return await use(contestant);
    } finally {
      this.#running.delete(contestant);
      await contestant.end();
    }
  }

  async end(): Promise<void> {
    this.signal?.removeEventListener('abort', this.#stop);
    await Promise.all(Array.from(this.#running, (contestant) => contestant.end()));
  }
}
