import { ArrivalRate } from './arrival-rate.js';
import type { ShareClient } from './compute-share.js';
import type { PendingRequest } from './pending-request.js';
import { type BatchPlan, planBatch } from './plan-batch.js';
import { paddedRows } from './policy.js';
import { type RequestGroup, RequestQueue } from './request-queue.js';
import { type Batch, runBatch } from './run-batch.js';
import type { SchedulerParts } from './scheduler-parts.js';

/** Behind a longer call, the event loop is hardly ever too late with the next one. */
const AHEAD_MS = 20;

/**
 * Sends batches to a model's instances when it is this model's turn. Each instance has one call; one more is sent ahead where
 * a full batch waits, so that no instance idles while the event loop is busy.
 */
export class Dispatcher implements ShareClient {
  readonly queue = new RequestQueue<PendingRequest>();
  readonly threads: number;
  readonly #parts: SchedulerParts;
  readonly #instances: number;
  readonly #arrivals = new ArrivalRate();
  /** Calls at the model, and how many of them hold threads. */
  #running = 0;
  #held = 0;
  /** When a call last ended. */
  #lastEnded = 0;
  #timer: NodeJS.Timeout | undefined;
  #isScheduled = false;
  #onDrained: (() => void) | undefined;

  constructor(parts: SchedulerParts) {
    const { threads, instances } = parts.session.info;
    this.#parts = parts;
    this.threads = threads;
    this.#instances = instances;
  }

  /** Milliseconds until the requests that wait now will have run. */
  get expectedWaitMs(): number {
    return Math.round(((this.#parts.cost.expectMs(1) ?? 0) * this.queue.rows) / this.#instances);
  }

  add(request: PendingRequest): void {
    this.#arrivals.arrived(request.arrivedAt);
    this.queue.add(request);
    this.#schedule();
  }

  remove(request: PendingRequest): void {
    if (!this.queue.delete(request) || this.queue.size > 0) return;
    this.#parts.share.withdraw(this);
    this.#checkDrained();
  }

  onTurn(): void {
    this.#send();
  }

  async drain(): Promise<void> {
    if (!this.#isIdle) {
      await new Promise<void>((resolve) => {
        this.#onDrained = resolve;
      });
    }
    this.#parts.share.remove(this);
  }

  /** By default after the promise jobs at hand, so that requests made in one turn are joined. */
  #schedule(later: (send: () => void) => void = process.nextTick): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    later(() => {
      this.#isScheduled = false;
      this.#send();
    });
  }

  /** Sends batches as long as there are some to send, and instances to take them. */
  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.queue.size > 0 && this.#running <= this.#instances) {
      if (!this.#sendOne()) return;
    }
  }

  /** Sends a batch of the first group that has one ready. False if none has, or if it is not this model's turn. */
  #sendOne(): boolean {
    const now = performance.now();
    const isAhead = this.#running === this.#instances;
    let waitMs = Number.POSITIVE_INFINITY;
    for (const group of this.queue.groups()) {
      const plan = this.#plan(group, now);
      if ('waitMs' in plan) {
        waitMs = Math.min(waitMs, plan.waitMs);
      } else if (isAhead ? this.#maySendAhead(group, plan) : this.#takeThreads()) {
        const requests = this.queue.take(group, plan.count);
        const { rows, reason } = plan;
        const padded = group.key === null ? rows : paddedRows(this.#parts.policy, rows);
        void this.#execute({ requests, rows, padded, reason }, isAhead);
        return true;
      } else {
        return false;
      }
    }
    if (isAhead) return false;
    // Timers are whole milliseconds; a shorter wait ends with the turn of the event loop.
    if (waitMs < 1) this.#schedule(setImmediate);
    else this.#timer = setTimeout(() => this.#send(), waitMs);
    return false;
  }

  #plan(group: RequestGroup<PendingRequest>, now: number): BatchPlan {
    if (group.key === null) return { count: 1, rows: 1, reason: 'single' };
    return planBatch(this.#parts.policy, {
      rows: rowsIn(group),
      waitedMs: now - group.first.arrivedAt,
      usefulRows: this.#parts.cost.usefulRows(),
      fixedMs: this.#parts.cost.estimate?.fixedMs ?? 0,
      gapMs: this.#arrivals.gapMs(now),
    });
  }

  /**
   * A batch that is not full may still grow while the instances are busy; a deadline counts until a call begins; and what was
   * sent can neither be taken back nor overtaken, which only a short call is worth.
   */
  #maySendAhead(group: RequestGroup<PendingRequest>, { reason, rows }: { reason: string; rows: number }): boolean {
    if (reason !== 'full' && reason !== 'single') return false;
    if ((this.#parts.cost.expectMs(rows) ?? Number.POSITIVE_INFINITY) > AHEAD_MS) return false;
    for (const { hasDeadline } of group) if (hasDeadline) return false;
    return !this.#parts.share.isContended(this);
  }

  #takeThreads(): boolean {
    if (!this.#parts.share.acquire(this)) return false;
    this.#held++;
    return true;
  }

  async #execute(batch: Batch, isAhead: boolean): Promise<void> {
    const { session, observer, share } = this.#parts;
    this.#running++;
    for (const request of batch.requests) request.isRunning = true;
    const startOf = (called: number) => (isAhead ? Math.max(called, this.#lastEnded) : called);
    const sent = performance.now();
    await runBatch({ session, observer, startOf, onCost: (rows, ms) => this.#parts.cost.add(rows, ms) }, batch);
    const ended = performance.now();
    share.charge(this, ended - startOf(sent));
    this.#lastEnded = ended;
    this.#running--;
    // The threads of this call go to the one that was sent ahead, if there is one.
    if (this.#held > this.#running) {
      this.#held--;
      share.release(this);
    }
    this.#send();
    this.#checkDrained();
  }

  get #isIdle(): boolean {
    return this.queue.size === 0 && this.#running === 0;
  }

  #checkDrained(): void {
    if (this.#isIdle) this.#onDrained?.();
  }
}

function* rowsIn(group: Iterable<PendingRequest>): Generator<number> {
  for (const { rows } of group) yield rows;
}
