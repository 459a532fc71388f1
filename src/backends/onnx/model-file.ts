import { basename } from 'node:path';
import { InfernodeError, messageOf } from '../../errors.js';
import type { ModelInfo } from '../backend.js';
import { elementType } from './dtypes.js';
import { useFileBytes } from './file-bytes.js';
import { walkModel } from './model-graph.js';
import { decodeModel, type ModelProto, type TensorProto, toNumber } from './onnx-schema.js';

/**
 * Reads and decodes an ONNX file, weights left out.
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_INVALID
 */
export async function readModelFile(path: string): Promise<ModelProto> {
  try {
    return await useFileBytes(path, (bytes) => decode(path, bytes));
  } catch (cause) {
    if (cause instanceof InfernodeError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new InfernodeError('INF_MODEL_NOT_FOUND', `There is no model file ${path}`, { cause, details: { path } });
    }
    throw invalid(path, `cannot be read: ${messageOf(cause)}`, cause);
  }
}

function decode(path: string, bytes: Buffer): ModelProto {
  if (bytes.length === 0) throw invalid(path, 'is empty');
  let model: ModelProto;
  try {
    model = decodeModel(bytes);
  } catch (cause) {
    throw invalid(path, `is no ONNX model, or is cut short: ${messageOf(cause)}`, cause);
  }
  if (model.graph === null) throw invalid(path, 'is no ONNX model: it has no graph');
  return model;
}

function invalid(path: string, what: string, cause?: unknown): InfernodeError {
  return new InfernodeError('INF_MODEL_INVALID', `${basename(path)} ${what}`, {
    cause,
    details: { path, expected: 'an ONNX model', given: what },
  });
}

/** Number of nodes by operator, subgraphs included; operators of other domains as `com.microsoft.FusedConv`. */
export function countOps(model: ModelProto): ModelInfo['ops'] {
  const ops = new Map<string, number>();
  walkModel(model, {
    node({ opType, domain }) {
      const name = domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`;
      ops.set(name, (ops.get(name) ?? 0) + 1);
    },
  });
  return Object.fromEntries(ops);
}

/** The weights of the graph and of its subgraphs. */
export function countParameters(model: ModelProto): ModelInfo['parameters'] {
  let count = 0;
  let bytes = 0;
  const dtypes = new Map<string, number>();
  walkModel(model, {
    initializer(tensor) {
      const { dtype, name } = elementType(tensor.dataType);
      const elements = elementCount(tensor);
      count += elements;
      bytes += byteCount(tensor);
      dtypes.set(dtype ?? name, (dtypes.get(dtype ?? name) ?? 0) + elements);
    },
  });
  return { count, bytes, dtypes: Object.fromEntries(dtypes) };
}

function elementCount(tensor: TensorProto): number {
  return tensor.dims.reduce<number>((product, dim) => product * toNumber(dim), 1);
}

/** The bytes of a tensor's elements; 0 for strings. */
export function byteCount(tensor: TensorProto): number {
  return Math.ceil((elementCount(tensor) * elementType(tensor.dataType).bits) / 8);
}

/** What the file says of itself. The exporter's own properties keep their names. */
export function describeModel(model: ModelProto): ModelInfo['metadata'] {
  const metadata: Record<string, string> = {
    ...Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    ir_version: String(toNumber(model.irVersion)),
  };
  for (const { domain, version } of model.opsetImport) {
    metadata[domain === '' ? 'opset' : `opset.${domain}`] = String(toNumber(version));
  }
  const optional = {
    producer: [model.producerName, model.producerVersion].filter(Boolean).join(' '),
    domain: model.domain,
    graph: model.graph?.name ?? '',
    model_version: toNumber(model.modelVersion) === 0 ? '' : String(toNumber(model.modelVersion)),
  };
  for (const [key, value] of Object.entries(optional)) if (value !== '') metadata[key] = value;
  return metadata;
}
