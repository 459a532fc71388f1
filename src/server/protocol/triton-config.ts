import { basename } from 'node:path';
import type { ModelFormat } from '../../backends/backend.js';
import type { ServedModel } from '../../engine/engine.js';
import { modelMetadata, PLATFORMS, type TensorMetadata } from './metadata.js';

const BACKENDS: Readonly<Record<ModelFormat, string>> = {
  torchscript: 'pytorch',
  aotinductor: 'pytorch',
  onnx: 'onnxruntime',
};

/** A model as the fields of Triton's ModelConfig describe it. Shapes are whole, with the batch, so `max_batch_size` is 0. */
export function tritonConfig(served: ServedModel) {
  const { info, config, file } = served.model;
  const { inputs, outputs } = modelMetadata(served);
  const { batching } = config ?? {};
  return {
    name: served.name,
    platform: PLATFORMS[info.format],
    backend: BACKENDS[info.format],
    default_model_filename: basename(file),
    version_policy: { specific: { versions: served.versions } },
    max_batch_size: 0,
    input: inputs.map(configTensor),
    output: outputs.map(configTensor),
    instance_group: [
      {
        name: served.name,
        kind: info.device === 'cpu' ? 'KIND_CPU' : 'KIND_GPU',
        count: config?.instances ?? 1,
      },
    ],
    ...(batching !== undefined && {
      dynamic_batching: {
        ...(batching.maxSize !== undefined && { preferred_batch_size: [batching.maxSize] }),
        ...(batching.maxDelayMs !== undefined && {
          max_queue_delay_microseconds: Math.round(batching.maxDelayMs * 1000),
        }),
        ...(batching.maxQueue !== undefined && { default_queue_policy: { max_queue_size: batching.maxQueue } }),
      },
    }),
    parameters: {
      precision: { string_value: config?.precision ?? 'auto' },
      threads: { string_value: String(info.threads) },
    },
  };
}

function configTensor({ name, datatype, shape }: TensorMetadata) {
  return { name, data_type: datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`, dims: shape };
}
