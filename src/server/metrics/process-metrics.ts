import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

const RESOLUTION_MS = 10;

/** Metrics of this process: memory, CPU, and how late the event loop is. */
export class ProcessMetrics {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  constructor(registry: Registry) {
    this.#delay.enable();
    const registers = [registry];
    const delay = this.#delay;
    new Gauge({
      name: 'infernode_event_loop_delay_seconds',
      help: 'How late the event loop was since the metrics were last read',
      labelNames: ['quantile'],
      registers,
      collect() {
        const seconds = (ns: number) => Math.max(0, ns / 1e9 - RESOLUTION_MS / 1e3) || 0;
        this.set({ quantile: '0.5' }, seconds(delay.percentile(50)));
        this.set({ quantile: '0.99' }, seconds(delay.percentile(99)));
        this.set({ quantile: '1' }, delay.count === 0 ? 0 : seconds(delay.max));
        delay.reset();
      },
    });
    new Gauge({
      name: 'infernode_process_memory_bytes',
      help: 'Memory of the process: resident, V8 heap in use, and outside of it',
      labelNames: ['kind'],
      registers,
      collect() {
        const { rss, heapUsed, external } = process.memoryUsage();
        this.set({ kind: 'resident' }, rss);
        this.set({ kind: 'heap' }, heapUsed);
        this.set({ kind: 'external' }, external);
      },
    });
    new Counter({
      name: 'infernode_process_cpu_seconds_total',
      help: 'CPU time of the process',
      labelNames: ['mode'],
      registers,
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc({ mode: 'user' }, user / 1e6);
        this.inc({ mode: 'system' }, system / 1e6);
      },
    });
  }

  close(): void {
    this.#delay.disable();
  }
}
