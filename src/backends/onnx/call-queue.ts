import { InfernodeError } from '../../errors.js';
import { removeFrom } from '../../remove-from.js';
import type { Call } from './calls-in-flight.js';
import type { Instances } from './instances.js';

/** Calls in one message: enough to spread its cost, few enough that both threads work at once. */
const CALLS_PER_MESSAGE = 32;

/** Messages under way to a worker: while it runs one, the next is there. */
const MESSAGES = 3;

/** A worker is given this much work ahead; a call that waits here instead is aborted at no cost. */
const WORK_AHEAD_MS = 2;

/** Calls that no worker has yet: they are spread over the instances, in messages of several. */
export class CallQueue {
  readonly #instances: Instances;
  readonly #onSent: () => void;
  readonly #waiting: Call[] = [];
  #isSendScheduled = false;
  #millisecondsPerCall = 0.1;

  /** @param onSent called after calls were sent, or could not be */
  constructor(instances: Instances, onSent: () => void) {
    this.#instances = instances;
    this.#onSent = onSent;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  add(call: Call): void {
    this.#waiting.push(call);
    this.sendSoon();
  }

  /** Forgets a call, if no worker has it. */
  remove(call: Call): void {
    removeFrom(this.#waiting, call);
  }

  /** Rejects all that wait. */
  fail(error: InfernodeError): void {
    for (const call of this.#waiting.splice(0)) call.reject(error);
  }

  /** Learns how long calls take. */
  took(millisecondsPerCall: number): void {
    // Halfway to each new measurement: quick to follow, deaf to a single stall.
    this.#millisecondsPerCall += (millisecondsPerCall - this.#millisecondsPerCall) / 2;
  }

  /** Sends what workers have room for after the promise jobs at hand, so that calls made in one turn share messages. */
  sendSoon(): void {
    if (this.#isSendScheduled || this.isEmpty) return;
    this.#isSendScheduled = true;
    process.nextTick(() => {
      this.#isSendScheduled = false;
      try {
        this.#send();
      } catch (cause) {
        // The system gives no further thread.
        this.fail(new InfernodeError('INF_BACKEND_CRASHED', `No worker thread for ${this.#instances.path}`, { cause }));
      }
      this.#onSent();
    });
  }

  #send(): void {
    const limit = Math.max(2, Math.round(WORK_AHEAD_MS / this.#millisecondsPerCall));
    while (!this.isEmpty) {
      const thread = this.#instances.leastBusy();
      const share = Math.ceil(this.#waiting.length / this.#instances.info.instances);
      const room = Math.min(CALLS_PER_MESSAGE, share, limit - thread.inFlight);
      if (room <= 0 || thread.packets >= MESSAGES) return;
      thread.send(this.#waiting.splice(0, room));
    }
  }
}
