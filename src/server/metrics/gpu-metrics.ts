import { Gauge, type Registry } from 'prom-client';
import { type GpuFigures, type GpuReport, gpuFigures } from '../../backends/native/gpu-figures.js';

const GPU = ['gpu', 'name'] as const;
const FIGURES = [
  ['utilization_ratio', 'Share of the time in which the GPU computed', 'utilization'],
  ['memory_utilization_ratio', 'Share of the time in which memory of the GPU was read or written', 'memoryUtilization'],
  ['memory_used_bytes', 'Memory of the GPU in use, by all programs', 'memoryUsedBytes'],
  ['memory_total_bytes', 'Memory of the GPU', 'memoryTotalBytes'],
  ['temperature_celsius', 'Temperature of the GPU', 'temperatureC'],
  ['power_watts', 'Power that the GPU draws', 'powerW'],
] as const satisfies readonly (readonly [string, string, keyof GpuFigures])[];

/** What NVIDIA's driver tells of the GPUs of the machine. Without the driver there are no such series. */
export class GpuMetrics {
  readonly #gauges: readonly (readonly [Gauge<(typeof GPU)[number]>, keyof GpuFigures])[];

  constructor(
    registry: Registry,
    private readonly figures: () => Promise<GpuReport> = gpuFigures,
  ) {
    this.#gauges = FIGURES.map(([name, help, key]) => [
      new Gauge({ name: `infernode_gpu_${name}`, help, labelNames: GPU, registers: [registry] }),
      key,
    ]);
  }

  /** Takes all figures anew. */
  async read(): Promise<void> {
    const { gpus } = await this.figures();
    for (const [gauge, key] of this.#gauges) {
      gauge.reset();
      for (const gpu of gpus) {
        const value = gpu[key];
        if (typeof value === 'number') gauge.set({ gpu: String(gpu.index), name: gpu.name ?? '' }, value);
      }
    }
  }
}
