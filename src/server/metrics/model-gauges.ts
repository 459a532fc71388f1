import { Gauge, type Registry } from 'prom-client';
import type { Engine } from '../../engine/engine.js';

const MODEL = ['model', 'version'] as const;

/** How the models stand when the metrics are read: which serve, how they are batched, and what waits for them. */
export class ModelGauges {
  readonly #ready: Gauge<(typeof MODEL)[number]>;
  readonly #requests: Gauge<(typeof MODEL)[number]>;
  readonly #rows: Gauge<(typeof MODEL)[number]>;
  readonly #maxRows: Gauge<(typeof MODEL)[number]>;

  constructor(registry: Registry) {
    const gauge = (name: string, help: string) =>
      new Gauge({ name: `infernode_${name}`, help, labelNames: MODEL, registers: [registry] });
    this.#ready = gauge('model_ready', 'Whether a model of the repository serves');
    this.#requests = gauge('queue_requests', 'Requests that wait for the model');
    this.#rows = gauge('queue_rows', 'Rows of the requests that wait for the model');
    this.#maxRows = gauge('batch_max_rows', 'The most rows of requests that are joined; 1 where none are');
  }

  /** Takes all figures anew. Models that do not serve have no others than that. */
  read(engine: Pick<Engine, 'models' | 'served'>): void {
    for (const gauge of [this.#ready, this.#requests, this.#rows, this.#maxRows]) gauge.reset();
    for (const { name, version, state } of engine.models()) {
      this.#ready.set({ model: name, version: String(version ?? '') }, Number(state === 'READY'));
    }
    for (const { name, version, model } of engine.served()) {
      const labels = { model: name, version: String(version) };
      this.#requests.set(labels, model.waiting.requests);
      this.#rows.set(labels, model.waiting.rows);
      this.#maxRows.set(labels, model.batching.maxSize);
    }
  }
}
