import { isMainThread } from 'node:worker_threads';
import { packageRequire } from '../../config/package-root.js';
import { ERRORS, type ErrorCode, InfernodeError, messageOf } from '../../errors.js';
import type { Addon, NativeError, OnComplete } from '../native/addon.js';
import { stayAwake } from '../stay-awake.js';
import { Tickets } from '../tickets.js';

/** How long the end of the process waits for the call that runs. */
const EXIT_LIMIT_MS = 10_000;

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** Arrays that native code reads until the call completes. */
  readonly held: unknown;
}

/** The add-on of this thread and its calls in flight: pairs each completion with its promise. */
export class NativeCalls {
  readonly addon: Addon;
  numbers: Float64Array;
  private readonly pending = new Tickets<Pending>();

  constructor(core: string) {
    this.addon = packageRequire(core) as Addon;
    this.numbers = this.addon.initialize(this.settle);
    // exit() destroys libtorch's static objects, some of them made as late as the first run: nothing may run by then.
    // The thread of a worker ends otherwise: its environment is cleaned up, and that waits.
    if (isMainThread) process.on('exit', () => this.addon.drainBeforeExit(EXIT_LIMIT_MS));
  }

  private readonly settle: OnComplete = (ticket, error, result) => {
    const call = this.pending.take(ticket)!;
    if (error !== undefined) call.reject(error);
    else call.resolve(result);
  };

  /** Makes room for a call with more numbers. */
  readonly grow = (length: number): Float64Array => {
    this.numbers = this.addon.resizeNumbers(length);
    return this.numbers;
  };

  /** Starts a call by `begin(ticket)`; `held` is kept until it completes. */
  start<Result>(begin: (ticket: number) => void, held?: unknown): { ticket: number; done: Promise<Result> } {
    if (this.pending.size === 0) stayAwake(() => this.pending.size > 0);
    let ticket = 0;
    const done = new Promise<Result>((resolve, reject) => {
      ticket = this.pending.give({ resolve: resolve as (result: unknown) => void, reject, held });
    });
    try {
      begin(ticket);
    } catch (error) {
      this.pending.take(ticket);
      throw error;
    }
    return { ticket, done };
  }

  /** Settles in the next turn of the event loop what has completed by then. */
  deliverSoon(): void {
    setImmediate(this.deliver);
  }

  private readonly deliver = (): void => this.addon.deliver(this.settle);

  /** Forgets a call that native code has given up. */
  forget(ticket: number): void {
    this.pending.take(ticket);
  }
}

/** A native error as an InfernodeError, `cause` being the framework's own text. */
export function fromNative(error: unknown, what: string): InfernodeError {
  const { code, trace } = error as Partial<NativeError>;
  const known: ErrorCode = code !== undefined && Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'INF_INTERNAL';
  const cause = trace ? new Error(trace) : error;
  return new InfernodeError(known, `${what}: ${messageOf(error)}`, { cause });
}
