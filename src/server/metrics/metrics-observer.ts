import { Counter, Histogram, Registry } from 'prom-client';
import type { Engine } from '../../engine/engine.js';
import type { ModelObserver } from '../../engine/observer.js';
import { GpuMetrics } from './gpu-metrics.js';
import { GraphGauges } from './graph-gauges.js';
import { ModelGauges } from './model-gauges.js';
import { ProcessMetrics } from './process-metrics.js';

const SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const MODEL = ['model', 'version'] as const;
const REASONS = ['full', 'preferred', 'idle', 'delay', 'single'] as const;
const OUTCOMES = ['success', 'rejected', 'expired', 'cancelled', 'invalid', 'failed'] as const;

/**
 * Prometheus metrics of everything an engine does. `observe` goes into the options of `Engine.open`, the whole into those of
 * the server.
 */
export class MetricsObserver {
  readonly registry = new Registry();
  readonly #process = new ProcessMetrics(this.registry);
  readonly #models = new ModelGauges(this.registry);
  readonly #graphs = new GraphGauges(this.registry);
  readonly #gpus = new GpuMetrics(this.registry);
  readonly #observed = new Map<string, { readonly name: string; readonly version: number }>();

  readonly #requests = new Counter({
    name: 'infernode_requests_total',
    help: 'Inference requests that have ended',
    labelNames: [...MODEL, 'outcome'],
    registers: [this.registry],
  });
  readonly #executions = new Counter({
    name: 'infernode_executions_total',
    help: 'Calls of the model, by why the batch went when it did',
    labelNames: [...MODEL, 'outcome', 'reason'],
    registers: [this.registry],
  });
  readonly #rows = new Counter({
    name: 'infernode_inferences_total',
    help: 'Rows that were inferred',
    labelNames: MODEL,
    registers: [this.registry],
  });
  readonly #requestSeconds = this.#histogram('request_duration_seconds', 'Time of a request in all', SECONDS);
  readonly #queueSeconds = this.#histogram('queue_duration_seconds', 'Time of a request in the queue', SECONDS);
  readonly #computeSeconds = this.#histogram('compute_duration_seconds', 'Time of one call of the model', SECONDS);
  readonly #batchRows = this.#histogram('batch_rows', 'Rows of one call of the model', ROWS);
  /** What the engine tells of one version of a model. */
  readonly observe = (name: string, version: number): ModelObserver => {
    const labels = { model: name, version: String(version) };
    this.#observed.set(keyOf(name, version), { name, version });
    return {
      // Labels are not spread into others here: such objects stay in the heap (ARCHITECTURE.md, A request).
      onRequest: ({ outcome, queueMs, totalMs }) => {
        this.#requests.inc({ model: name, version: labels.version, outcome });
        this.#requestSeconds.observe(labels, totalMs / 1000);
        if (outcome === 'success') this.#queueSeconds.observe(labels, queueMs / 1000);
      },
      onExecution: ({ ok, rows, reason, computeMs }) => {
        this.#executions.inc({ model: name, version: labels.version, outcome: ok ? 'success' : 'failed', reason });
        if (!ok) return;
        this.#rows.inc(labels, rows);
        this.#batchRows.observe(labels, rows);
        this.#computeSeconds.observe(labels, computeMs / 1000);
      },
    };
  };

  /** The metrics as Prometheus reads them. Series of models that are gone are dropped first. */
  async render(engine: Pick<Engine, 'models' | 'served'>): Promise<string> {
    const models = engine.models();
    const alive = new Set(
      models.filter(({ state }) => state !== 'UNAVAILABLE').map((m) => keyOf(m.name, m.version ?? 0)),
    );
    for (const [key, { name, version }] of this.#observed) {
      if (!alive.has(key)) this.#forget(key, name, version);
    }
    this.#models.read(engine);
    this.#graphs.read(engine);
    await this.#gpus.read();
    return this.registry.metrics();
  }

  /** Stops watching the process. */
  close(): void {
    this.#process.close();
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram<(typeof MODEL)[number]> {
    return new Histogram({ name: `infernode_${name}`, help, buckets, labelNames: MODEL, registers: [this.registry] });
  }

  #forget(key: string, name: string, version: number): void {
    const labels = { model: name, version: String(version) };
    for (const outcome of OUTCOMES) this.#requests.remove({ ...labels, outcome });
    for (const outcome of ['success', 'failed']) {
      for (const reason of REASONS) this.#executions.remove({ ...labels, outcome, reason });
    }
    this.#rows.remove(labels);
    for (const histogram of [this.#requestSeconds, this.#queueSeconds, this.#computeSeconds, this.#batchRows]) {
      histogram.remove(labels);
    }
    this.#observed.delete(key);
  }
}

function keyOf(name: string, version: number): string {
  return `${version}/${name}`;
}
