import { Gauge, type Registry } from 'prom-client';
import type { GraphState } from '../../backends/backend.js';
import type { Engine } from '../../engine/engine.js';

const MODEL = ['model', 'version'] as const;
/** A driver's reason may be a paragraph. */
const LONGEST_REASON = 120;

/** What has become of the CUDA graphs of the models. Models that record none have no such series. */
export class GraphGauges {
  readonly #recorded: Gauge<(typeof MODEL)[number]>;
  readonly #calls: Gauge<'model' | 'version' | 'how'>;
  readonly #failures: Gauge<'model' | 'version' | 'reason'>;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#recorded = new Gauge({
      name: 'infernode_cuda_graphs',
      help: 'CUDA graphs that are kept, of all executors',
      labelNames: MODEL,
      registers,
    });
    this.#calls = new Gauge({
      name: 'infernode_cuda_graph_calls',
      help: 'Calls since the model was loaded, by whether a graph was replayed or the call computed',
      labelNames: [...MODEL, 'how'],
      registers,
    });
    this.#failures = new Gauge({
      name: 'infernode_cuda_graph_failures',
      help: 'Shapes of calls that cannot be recorded as CUDA graphs, by reason',
      labelNames: [...MODEL, 'reason'],
      registers,
    });
  }

  /** Takes all figures anew. */
  read(engine: Pick<Engine, 'served'>): void {
    for (const gauge of [this.#recorded, this.#calls, this.#failures]) gauge.reset();
    for (const { name, version, model } of engine.served()) {
      if (model.graphs !== null) this.#set({ model: name, version: String(version) }, model.graphs);
    }
  }

  #set(labels: { readonly model: string; readonly version: string }, state: GraphState): void {
    const { executors, replays, computed } = state;
    this.#recorded.set(
      labels,
      executors.reduce((sum, { recorded }) => sum + recorded.length, 0),
    );
    this.#calls.set({ ...labels, how: 'replayed' }, replays);
    this.#calls.set({ ...labels, how: 'computed' }, computed);
    for (const { reason } of executors.flatMap(({ failures }) => failures)) {
      this.#failures.inc({ ...labels, reason: reason.slice(0, LONGEST_REASON) });
    }
  }
}
