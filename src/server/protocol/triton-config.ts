import { basename } from 'node:path';
import type { ModelFormat } from '../../backends/backend.js';
import type { BatchPolicy } from '../../engine/batching/policy.js';
import type { ServedModel } from '../../engine/engine.js';
import { DEFAULT_PRIORITY, LEAST_URGENT } from '../../engine/inference.js';
import { withoutPaths } from '../hide-paths.js';
import { modelMetadata, PLATFORMS, type TensorMetadata } from './metadata.js';

const BACKENDS: Readonly<Record<ModelFormat, string>> = {
  torchscript: 'pytorch',
  aotinductor: 'pytorch',
  onnx: 'onnxruntime',
};

/**
 * A model as the fields of Triton's ModelConfig describe it. Where requests are joined, `max_batch_size` says how many rows, and
 * shapes are those of a row; elsewhere it is 0, and they are whole.
 */
export function tritonConfig(served: ServedModel) {
  const { info, config, file, batching } = served.model;
  const { inputs, outputs } = modelMetadata(served);
  const isBatched = batching.maxSize > 1;
  const tensor = (metadata: TensorMetadata) => configTensor(metadata, isBatched);
  return {
    name: served.name,
    platform: PLATFORMS[info.format],
    backend: BACKENDS[info.format],
    default_model_filename: basename(file),
    version_policy: { specific: { versions: served.versions } },
    max_batch_size: isBatched ? batching.maxSize : 0,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
    instance_group: [
      { name: served.name, kind: info.device === 'cpu' ? 'KIND_CPU' : 'KIND_GPU', count: info.instances },
    ],
    ...(isBatched && { dynamic_batching: dynamicBatching(batching) }),
    parameters: {
      precision: { string_value: config?.precision ?? 'auto' },
      threads: { string_value: String(info.threads) },
      batching: { string_value: withoutPaths(batching.reason) },
    },
  };
}

function dynamicBatching({ preferredSizes, maxDelayMs, maxQueue, keepOrder, timeoutMs }: BatchPolicy) {
  return {
    preferred_batch_size: preferredSizes,
    max_queue_delay_microseconds: Math.round(maxDelayMs * 1000),
    priority_levels: LEAST_URGENT,
    default_priority_level: DEFAULT_PRIORITY,
    preserve_ordering: keepOrder,
    default_queue_policy: {
      ...(Number.isFinite(maxQueue) && { max_queue_size: maxQueue }),
      ...(timeoutMs !== null && { default_timeout_microseconds: Math.round(timeoutMs * 1000) }),
    },
  };
}

function configTensor({ name, datatype, shape }: TensorMetadata, isBatched: boolean) {
  // A lone -1 may as well be a shape that is not known.
  const dims = isBatched && shape.length > 1 ? shape.slice(1) : shape;
  return { name, data_type: datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`, dims };
}
