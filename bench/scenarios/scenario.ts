/** What is measured. The first four are those of MLPerf Inference. */
export const SCENARIOS = {
  SingleStream: { unit: 'ms', better: 'lower', what: 'p90 latency of queries of one sample, one after another' },
  MultiStream: { unit: 'ms', better: 'lower', what: 'p99 latency of queries of eight samples, one after another' },
  Offline: { unit: 'samples/s', better: 'higher', what: 'throughput where all samples are there from the start' },
  Server: {
    unit: 'queries/s',
    better: 'higher',
    what: 'highest rate of Poisson arrivals whose p99 latency stays in the bound',
  },
  Batch: { unit: 'samples/s', better: 'higher', what: 'samples in a call over the median time of the call' },
  Concurrency: {
    unit: 'queries/s',
    better: 'higher',
    what: 'throughput of a server with so many clients, each with one query at a time',
  },
  Asleep: { unit: 'ms', better: 'lower', what: 'SingleStream on cores that go idle while they wait' },
  EventLoop: { unit: 'ms', better: 'lower', what: 'p99 delay of the event loop while calls run back to back' },
  Overhead: { unit: 'us', better: 'lower', what: 'a call of a model that does next to nothing' },
} as const satisfies Record<string, { unit: string; better: 'lower' | 'higher'; what: string }>;

export type Scenario = keyof typeof SCENARIOS;

/** Queries of MultiStream have so many samples. */
export const STREAMS = 8;
