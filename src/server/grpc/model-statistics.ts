import type { Engine, ServedModel } from '../../engine/engine.js';
import type { Duration } from '../../engine/statistics.js';
import { parseVersion } from './model-version.js';

/**
 * The statistics of a model's version, of all its versions that serve, or, without a name, of everything that serves.
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_NOT_READY
 */
export function statisticsOf(engine: Engine, name: string, version: string): object[] {
  if (name === '') {
    const names = new Set(engine.models().flatMap((entry) => (entry.state === 'READY' ? [entry.name] : [])));
    return [...names].flatMap((each) => statisticsOf(engine, each, ''));
  }
  const served = engine.model(name, parseVersion(version));
  if (version !== '') return [modelStatistics(served)];
  return served.versions.map((each) => modelStatistics(engine.model(name, each)));
}

function modelStatistics({ name, version, model }: ServedModel): object {
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
      cache_hit: NEVER,
      cache_miss: NEVER,
    },
    batch_stats: statistics.batches.map(({ rows, computeInput, computeInfer, computeOutput }) => ({
      batch_size: rows,
      compute_input: inNanoseconds(computeInput),
      compute_infer: inNanoseconds(computeInfer),
      compute_output: inNanoseconds(computeOutput),
    })),
    memory_usage: [memoryUsage(model.info.device, model.info.parameters.bytes)],
  };
}

const NEVER = { count: 0, ns: 0 };

function inNanoseconds({ count, ms }: Duration): { count: number; ns: number } {
  return { count, ns: Math.round(ms * 1e6) };
}

/** Of the weights alone; what runtimes allocate beside them is not known. */
function memoryUsage(device: string, bytes: number): object {
  const [, gpu] = /^cuda:(\d+)$/.exec(device) ?? [];
  return gpu === undefined
    ? { type: 'CPU', id: 0, byte_size: bytes }
    : { type: 'GPU', id: Number(gpu), byte_size: bytes };
}
