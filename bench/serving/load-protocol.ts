import type { Arrivals } from './poisson.js';

/** What the load generator, a process on a core of its own, is asked. */
export type LoadAsk =
  /** Connects to a server, and sends it the bytes of a file as the only request from now on; its first answer. */
  | { readonly ask: 'connect'; readonly port: number; readonly request: string }
  /** So many clients, each of which sends its next query when the last was answered. */
  | { readonly ask: 'clients'; readonly port: number; readonly clients: number; readonly ms: number }
  /** Queries that arrive at random. */
  | {
      readonly ask: 'arrivals';
      readonly port: number;
      readonly rate: number;
      readonly ms: number;
      readonly seed: number;
      readonly boundMs: number;
    };

export interface LoadReplies {
  readonly connect: { readonly head: string; readonly body: string };
  readonly clients: { readonly throughput: number };
  readonly arrivals: Arrivals;
}
