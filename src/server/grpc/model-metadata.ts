import type { Dim, ModelFormat, ValueInfo } from '../../backends/backend.js';
import type { ServedModel } from '../../engine/engine.js';
import { datatypeOf } from '../wire/datatypes.js';

/** What the protocol calls the runtimes. */
const PLATFORMS: Readonly<Record<ModelFormat, string>> = {
  torchscript: 'pytorch_libtorch',
  aotinductor: 'pytorch_aotinductor',
  onnx: 'onnxruntime_onnx',
};

/** The platform of a model of this format. */
export function platformOf(format: ModelFormat): string {
  return PLATFORMS[format];
}

/** A ModelMetadataResponse. */
export function modelMetadata({ name, versions, model }: ServedModel): object {
  return {
    name,
    versions: versions.map(String),
    platform: platformOf(model.info.format),
    inputs: model.signature.inputs.flatMap(leavesOf).map(tensorMetadata),
    outputs: model.signature.outputs.flatMap(leavesOf).map(tensorMetadata),
  };
}

/** What a client can send or get as a tensor: the elements of a tuple, each by its own name, in place of the tuple. */
export function leavesOf(value: ValueInfo): ValueInfo[] {
  return value.kind === 'tuple' ? (value.items ?? []).flatMap(leavesOf) : [value];
}

/** The sizes of a value in the protocol's way: -1 for any size, and one -1 where even their number is open. */
export function sizesOf({ kind, shape }: ValueInfo): number[] {
  if (isScalar(kind)) return [];
  return shape === null ? [-1] : shape.map((size: Dim) => (typeof size === 'number' ? size : -1));
}

/** The datatype in which a value travels; empty where the model does not say. */
export function datatypeOfValue({ kind, dtype }: ValueInfo): string {
  if (dtype !== null) return datatypeOf(dtype);
  return isScalar(kind) ? SCALARS[kind] : '';
}

const SCALARS = { int: 'INT64', float: 'FP64', bool: 'BOOL', string: 'BYTES' } as const;

function isScalar(kind: ValueInfo['kind']): kind is keyof typeof SCALARS {
  return Object.hasOwn(SCALARS, kind);
}

function tensorMetadata(value: ValueInfo): object {
  return { name: value.name, datatype: datatypeOfValue(value), shape: sizesOf(value) };
}
