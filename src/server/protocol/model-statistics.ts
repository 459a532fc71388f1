import type { Engine, ServedModel } from '../../engine/engine.js';
import type { Duration } from '../../engine/statistics.js';

/** How often something happened, and nanoseconds in all. */
export interface DurationStatistic {
  readonly count: number;
  readonly ns: number;
}

/** What the statistics extension says of a version of a model. */
export function modelStatistics({ name, version, model }: ServedModel) {
  const { statistics } = model;
  return {
    name,
    version: String(version),
    last_inference: statistics.lastInference,
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: inNanoseconds(statistics.success),
      fail: inNanoseconds(statistics.fail),
      queue: inNanoseconds(statistics.queue),
      compute_input: inNanoseconds(statistics.computeInput),
      compute_infer: inNanoseconds(statistics.computeInfer),
      compute_output: inNanoseconds(statistics.computeOutput),
      // Answers are not cached.
      cache_hit: { count: 0, ns: 0 },
      cache_miss: { count: 0, ns: 0 },
    },
    response_stats: {},
    batch_stats: statistics.batches.map(({ rows, computeInput, computeInfer, computeOutput }) => ({
      batch_size: rows,
      compute_input: inNanoseconds(computeInput),
      compute_infer: inNanoseconds(computeInfer),
      compute_output: inNanoseconds(computeOutput),
    })),
    memory_usage: [
      { type: model.info.device === 'cpu' ? 'CPU' : 'GPU', id: 0, byte_size: model.info.parameters.bytes },
    ],
  };
}

/** The statistics of a version, or of all that serve. @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_NOT_READY */
export function statisticsOf(engine: Engine, name: string, version: number | undefined) {
  const { versions } = engine.model(name, version);
  return (version === undefined ? versions : [version]).map((each) => modelStatistics(engine.model(name, each)));
}

function inNanoseconds({ count, ms }: Duration): DurationStatistic {
  return { count, ns: Math.round(ms * 1e6) };
}
