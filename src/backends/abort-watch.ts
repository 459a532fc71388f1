/**
 * Tells calls of their signals. One listener serves all calls of a signal, for a signal may be shared by hundreds and
 * Node warns of the eleventh listener.
 */
export class AbortWatch<Call> {
  readonly #onAbort: (call: Call, signal: AbortSignal) => void;
  readonly #watched = new Map<AbortSignal, { calls: Set<Call>; listener: () => void }>();

  constructor(onAbort: (call: Call, signal: AbortSignal) => void) {
    this.#onAbort = onAbort;
  }

  add(signal: AbortSignal, call: Call): void {
    let entry = this.#watched.get(signal);
    if (entry === undefined) {
      const calls = new Set<Call>();
      entry = { calls, listener: () => this.#abort(signal, calls) };
      this.#watched.set(signal, entry);
      signal.addEventListener('abort', entry.listener, { once: true });
    }
    entry.calls.add(call);
  }

  remove(signal: AbortSignal, call: Call): void {
    const entry = this.#watched.get(signal);
    if (entry === undefined || !entry.calls.delete(call) || entry.calls.size > 0) return;
    signal.removeEventListener('abort', entry.listener);
    this.#watched.delete(signal);
  }

  #abort(signal: AbortSignal, calls: Set<Call>): void {
    this.#watched.delete(signal);
    for (const call of calls) this.#onAbort(call, signal);
  }
}
