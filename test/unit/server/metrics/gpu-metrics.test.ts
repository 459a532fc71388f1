import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import type { GpuReport } from '#src/backends/native/gpu-figures';
import { gpuFigures } from '#src/backends/native/gpu-figures';
import { GpuMetrics } from '#src/server/metrics/gpu-metrics';

const busy = { index: 0, name: 'A GPU', utilization: 0.75, memoryUsedBytes: 5e9, memoryTotalBytes: 8e9, powerW: 250.5 };

test('has a series for each figure that a GPU tells, and none for the others', async () => {
  const registry = new Registry();
  let report: GpuReport = { gpus: [busy, { index: 2, temperatureC: 43 }] };
  const metrics = new GpuMetrics(registry, async () => report);
  await metrics.read();
  const series = (await registry.metrics()).split('\n').filter((line) => line.startsWith('infernode'));
  assert.deepEqual(series, [
    'infernode_gpu_utilization_ratio{gpu="0",name="A GPU"} 0.75',
    'infernode_gpu_memory_used_bytes{gpu="0",name="A GPU"} 5000000000',
    'infernode_gpu_memory_total_bytes{gpu="0",name="A GPU"} 8000000000',
    'infernode_gpu_temperature_celsius{gpu="2",name=""} 43',
    'infernode_gpu_power_watts{gpu="0",name="A GPU"} 250.5',
  ]);
  report = { gpus: [], unavailable: 'the driver has gone' };
  await metrics.read();
  assert.doesNotMatch(await registry.metrics(), /^infernode/m);
});

test('a machine answers with its GPUs, or with the reason why it has none', async () => {
  const { gpus, unavailable } = await gpuFigures();
  if (gpus.length === 0) assert.ok(unavailable !== undefined && unavailable.length > 0);
  else assert.equal(typeof gpus[0]!.index, 'number');
});
