import { PLANS } from '../../../bench/plan.js';
import type { BenchResult, Measured } from '../../../bench/results/result.js';
import type { Scenario } from '../../../bench/scenarios/scenario.js';

/** A figure of a contestant, on the model `net`. */
export function measured(
  scenario: Scenario,
  contestant: string,
  rounds: (number | null)[],
  rest: Partial<Measured> = {},
): Measured {
  return { scenario, model: 'net', contestant, precision: 'fp32', at: null, rounds, calls: 10, ...rest };
}

/** A result with two contestants of ours, `a` and `b`, and two others, `x` and `y`, on one model of a billion operations. */
export function resultOf(measurements: readonly Measured[]): BenchResult {
  const contestant = (name: string, isOurs: boolean) => ({
    name,
    isOurs,
    precision: 'fp32' as const,
    computesIn: 'fp32' as const,
    model: 'net',
    versions: { engine: '1.0' },
    settings: '1 thread',
    agreement: null,
    absent: null,
  });
  return {
    schemaVersion: 2,
    date: '2026-01-02T03:04:05.678Z',
    seconds: 100,
    machine: {
      node: 'v20.17.0',
      platform: 'linux',
      arch: 'x64',
      libc: null,
      cpu: { model: 'A CPU', features: ['avx2'] },
      cores: 2,
      threads: 1,
      memoryBytes: 8e9,
    },
    versions: { infernode: '1.2.3' },
    plan: PLANS.quick,
    threads: 1,
    cores: { servers: '0', load: '1' },
    coresAwake: true,
    models: [{ name: 'net', title: 'A net', gops: 1, boundMs: 50, sittings: 1, serverSittings: 0 }],
    contestants: [contestant('a', true), contestant('b', true), contestant('x', false), contestant('y', false)],
    limits: [
      {
        operation: 'product',
        backend: 'onnx',
        precision: 'fp32',
        gops: { median: 90, min: 80, max: 100 },
        reason: null,
      },
      { operation: 'convolution', backend: 'torch', precision: 'bf16', gops: null, reason: 'there is no libtorch' },
    ],
    measurements,
  };
}
