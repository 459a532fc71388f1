import { removeFrom } from '../remove-from.js';

const ONCE = { once: true };

interface Watched<Call> {
  readonly calls: Call[];
  readonly listener: () => void;
}

/**
 * Tells calls of their signals. One listener serves all calls of a signal, for a signal may be shared by hundreds and
 * Node warns of the eleventh listener.
 */
export class AbortWatch<Call> {
  readonly #onAbort: (call: Call, signal: AbortSignal) => void;
  /** Of what was watched once, too: a connection has one signal for all of its requests. */
  readonly #watched = new WeakMap<AbortSignal, Watched<Call>>();

  constructor(onAbort: (call: Call, signal: AbortSignal) => void) {
    this.#onAbort = onAbort;
  }

  add(signal: AbortSignal, call: Call): void {
    const { calls, listener } = this.#watched.get(signal) ?? this.#watch(signal);
    if (calls.length === 0) signal.addEventListener('abort', listener, ONCE);
    calls.push(call);
  }

  remove(signal: AbortSignal, call: Call): void {
    const watched = this.#watched.get(signal);
    if (watched === undefined || !removeFrom(watched.calls, call)) return;
    if (watched.calls.length === 0) signal.removeEventListener('abort', watched.listener);
  }

  #watch(signal: AbortSignal): Watched<Call> {
    // Arrays, not sets: see Tickets.
    const calls: Call[] = [];
    const watched = { calls, listener: () => this.#abort(signal, calls) };
    this.#watched.set(signal, watched);
    return watched;
  }

  #abort(signal: AbortSignal, calls: Call[]): void {
    for (const call of calls.splice(0)) this.#onAbort(call, signal);
  }
}
