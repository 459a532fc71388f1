import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import type { GraphState } from '#src/backends/backend';
import type { ServedModel } from '#src/engine/engine';
import { GraphGauges } from '#src/server/metrics/graph-gauges';

/** An engine that serves version 3 of a model named `m` with these graphs. */
const serving = (graphs: GraphState | null) => ({
  served: () => [{ name: 'm', version: 3, model: { graphs } } as unknown as ServedModel],
});

test('counts graphs, calls and failures by reason; a model without graphs has no series', async () => {
  const registry = new Registry();
  const gauges = new GraphGauges(registry);
  const failure = (signature: string) => ({ signature, reason: `operation not permitted ${'x'.repeat(200)}` });
  gauges.read(
    serving({
      executors: [
        { recorded: ['0(float32[1,4])', '0(float32[2,4])'], failures: [failure('0(float32[3,4])')] },
        { recorded: ['0(float32[1,4])'], failures: [failure('0(float32[3,4])')] },
      ],
      replays: 70,
      computed: 11,
      evicted: 0,
    }),
  );
  const series = (await registry.metrics()).split('\n').filter((line) => line.startsWith('infernode'));
  const reason = `operation not permitted ${'x'.repeat(200)}`.slice(0, 120);
  assert.deepEqual(series, [
    'infernode_cuda_graphs{model="m",version="3"} 3',
    'infernode_cuda_graph_calls{model="m",version="3",how="replayed"} 70',
    'infernode_cuda_graph_calls{model="m",version="3",how="computed"} 11',
    `infernode_cuda_graph_failures{model="m",version="3",reason="${reason}"} 2`,
  ]);
  gauges.read(serving(null));
  assert.doesNotMatch(await registry.metrics(), /^infernode/m);
});
