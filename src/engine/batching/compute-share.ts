/** A model that wants the processor. */
export interface ShareClient {
  /** Threads of one of its calls. */
  readonly threads: number;
  /** It was refused before, and threads are free now: ask again. */
  onTurn(): void;
}

interface Account {
  /** Thread milliseconds that it has used, as the fair share counts them. */
  used: number;
  calls: number;
}

/**
 * The threads that all models of a process share, for more running threads than cores make every call slow. Where several
 * models wait, the one goes next that has used the least time so far; one that comes back from idleness starts level with
 * the others (start-time fair queueing).
 */
export class ComputeShare {
  readonly #accounts = new Map<ShareClient, Account>();
  readonly #waiting = new Set<ShareClient>();
  #busy = 0;

  /** @param threads that may run at once; a call that needs more of them runs alone */
  constructor(private readonly threads: number) {}

  /** Whether other models than this one wait for their turn. */
  isContended(client: ShareClient): boolean {
    return this.#waiting.size > (this.#waiting.has(client) ? 1 : 0);
  }

  /** Takes the threads of a call. False if they are not free or others come first; `onTurn` is called when it may go. */
  acquire(client: ShareClient): boolean {
    const account = this.#account(client);
    if (!this.#fits(client) || this.#next(client) !== client) {
      this.#waiting.add(client);
      return false;
    }
    this.#waiting.delete(client);
    account.calls++;
    this.#busy += client.threads;
    return true;
  }

  /** Counts time that a client had its threads. */
  charge(client: ShareClient, milliseconds: number): void {
    this.#account(client).used += milliseconds * client.threads;
  }

  /** Gives the threads of a call back. */
  release(client: ShareClient): void {
    this.#account(client).calls--;
    this.#busy -= client.threads;
    this.#wake();
  }

  /** Forgets that a client waits: it has nothing left to run. */
  withdraw(client: ShareClient): void {
    if (this.#waiting.delete(client)) this.#wake();
  }

  /** Forgets a client. */
  remove(client: ShareClient): void {
    this.#accounts.delete(client);
    this.withdraw(client);
  }

  #account(client: ShareClient): Account {
    let account = this.#accounts.get(client);
    if (account === undefined) {
      account = { used: 0, calls: 0 };
      this.#accounts.set(client, account);
    }
    // Time without work earns no credit.
    if (account.calls === 0 && !this.#waiting.has(client)) account.used = Math.max(account.used, this.#level(client));
    return account;
  }

  /** The least that any other active client has used. */
  #level(client: ShareClient): number {
    let level = Number.POSITIVE_INFINITY;
    for (const [other, { used, calls }] of this.#accounts) {
      if (other !== client && (calls > 0 || this.#waiting.has(other))) level = Math.min(level, used);
    }
    return Number.isFinite(level) ? level : 0;
  }

  #fits({ threads }: ShareClient): boolean {
    return this.#busy === 0 || this.#busy + threads <= this.threads;
  }

  /** Of this client and those that wait, the one that has used the least. */
  #next(client: ShareClient): ShareClient {
    let next = client;
    for (const other of this.#waiting) {
      if (this.#accounts.get(other)!.used < this.#accounts.get(next)!.used) next = other;
    }
    return next;
  }

  /** Those that turn out to have nothing ready drop out, so that they hold nobody up. */
  #wake(): void {
    for (let tries = this.#waiting.size; tries > 0 && this.#waiting.size > 0; tries--) {
      const [first] = this.#waiting as Iterable<ShareClient> as [ShareClient];
      const next = this.#next(first);
      if (!this.#fits(next)) return;
      this.#waiting.delete(next);
      next.onTurn();
    }
  }
}
