import { basename } from 'node:path';
import type { ValueInfo } from '../../backends/backend.js';
import type { ServedModel } from '../../engine/engine.js';
import { DEFAULT_PRIORITY, LEAST_URGENT } from '../../engine/inference.js';
import { datatypeOfValue, leavesOf, platformOf, sizesOf } from './model-metadata.js';

/** A ModelConfig: how a model is served, as far as model.json and the model say. */
export function modelConfig({ name, versions, model }: ServedModel): object {
  const { info, signature, config } = model;
  const { maxSize = 0, maxDelayMs = 0, maxQueue = 0 } = config?.batching ?? {};
  const entryOf = (value: ValueInfo) => ({
    name: value.name,
    data_type: dataTypeOf(value),
    // The protocol leaves the batch out where there is one.
    dims: maxSize > 0 ? sizesOf(value).slice(1) : sizesOf(value),
  });
  return {
    name,
    platform: platformOf(info.format),
    backend: info.backend === 'torch' ? 'pytorch' : 'onnxruntime',
    default_model_filename: basename(model.file),
    version_policy: { specific: { versions } },
    max_batch_size: maxSize,
    input: signature.inputs.flatMap(leavesOf).map((value) => ({ ...entryOf(value), optional: value.optional })),
    output: signature.outputs.flatMap(leavesOf).map(entryOf),
    instance_group: [instanceGroup(name, info.device, config?.instances ?? 1)],
    ...(maxSize > 0 && {
      dynamic_batching: {
        max_queue_delay_microseconds: Math.round(maxDelayMs * 1000),
        priority_levels: LEAST_URGENT,
        default_priority_level: DEFAULT_PRIORITY,
        default_queue_policy: { max_queue_size: maxQueue },
      },
    }),
    parameters: {
      format: { string_value: info.format },
      threads: { string_value: String(info.threads) },
      stateful: { string_value: String(info.stateful) },
      ...(config?.precision !== undefined && { precision: { string_value: config.precision } }),
    },
  };
}

function dataTypeOf(value: ValueInfo): string {
  const datatype = datatypeOfValue(value);
  if (datatype === '') return 'TYPE_INVALID';
  return datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`;
}

function instanceGroup(name: string, device: string, count: number): object {
  const [, gpu] = /^cuda:(\d+)$/.exec(device) ?? [];
  if (gpu === undefined) return { name: `${name}_0`, kind: 'KIND_CPU', count };
  return { name: `${name}_0`, kind: 'KIND_GPU', count, gpus: [Number(gpu)] };
}
