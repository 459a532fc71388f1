import type { MatmulPrecision } from '#src/benchmark/protocol';

/**
 * What the benchmark asks a process that holds a model, and what that answers: one JSON document a line, on its standard
 * input and output, one at a time. Peers in Node.js and in Python speak it alike. A peer times its calls itself.
 */
export type Ask =
  /** Loads the model and calls it once on each of the inputs. A contestant that lacks what it needs is absent. */
  | {
      readonly ask: 'open';
      /** The file, folder or name that this contestant loads. */
      readonly model: string;
      readonly threads: number;
      /** Of each set of inputs, a .npy file for each name. Later questions name a set by its number. */
      readonly inputs: readonly Readonly<Record<string, string>>[];
    }
  /** The answer to a call: its first output. */
  | { readonly ask: 'answer'; readonly input: number }
  /** Calls one after another. */
  | { readonly ask: 'calls'; readonly input: number; readonly ms: number }
  /** As many calls as can be done, of contestants that do so with several in flight. */
  | { readonly ask: 'offline'; readonly input: number; readonly ms: number }
  /** How late the event loop is while calls run back to back; of contestants in Node.js. */
  | { readonly ask: 'loop'; readonly input: number; readonly ms: number };

export interface Replies {
  /** The versions of what computes, and how it was set. */
  readonly open: {
    readonly versions: Readonly<Record<string, string>>;
    readonly settings: string;
    /** What its multiplications are computed in, where only the model that was loaded tells. */
    readonly computesIn?: MatmulPrecision | null;
    /** Calls in flight at once that give the most throughput; 1 where it is left out. */
    readonly inFlight?: number;
  };
  readonly answer: { readonly shape: readonly number[]; readonly data: readonly number[] };
  /** In milliseconds. A first call, which wakes what has gone to sleep, is not among them, unless it alone took `ms`. */
  readonly calls: { readonly durations: readonly number[] };
  readonly offline: { readonly calls: number; readonly elapsedMs: number };
  /** In milliseconds. */
  readonly loop: { readonly p50: number; readonly p99: number; readonly max: number };
}

/** Instead of a reply: why there is none. `absent` where something is not installed, `error` for all else. */
export type Refusal = { readonly absent: string } | { readonly error: string };

/** The contestant cannot take part here, and this is why. */
export class Absent extends Error {}
