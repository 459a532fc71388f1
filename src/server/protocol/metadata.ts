import type { Dim, ModelFormat, ValueInfo } from '../../backends/backend.js';
import type { ValueConfig } from '../../config/model-config.js';
import { packageVersion } from '../../config/package-root.js';
import type { ServedModel } from '../../engine/engine.js';
import type { TriedValues } from '../../engine/tried-values.js';
import type { DType } from '../../tensor/dtype.js';
import { datatypeOf } from '../wire/datatypes.js';

/** What a server says of itself. */
export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export const SERVER_METADATA: ServerMetadata = {
  name: 'infernode',
  version: packageVersion(),
  extensions: [
    'binary_tensor_data',
    'classification',
    'model_configuration',
    'model_repository',
    'parameters',
    'schedule_policy',
    'statistics',
  ],
};

/** One input or output of a model. */
export interface TensorMetadata {
  readonly name: string;
  /** A datatype of the protocol; `UNKNOWN` where neither the model nor its model.json says. */
  readonly datatype: string;
  /** -1 for sizes that vary; [-1] where the shape is not known. */
  readonly shape: readonly number[];
}

/** What a server says of a model. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

/** As Triton names them. */
export const PLATFORMS: Readonly<Record<ModelFormat, string>> = {
  torchscript: 'pytorch_libtorch',
  aotinductor: 'torch_aoti',
  onnx: 'onnxruntime_onnx',
};

export function modelMetadata({ name, versions, model }: ServedModel): ModelMetadata {
  const { signature, config, tried } = model;
  const said = tensorsOf(signature.inputs, config?.inputs ?? []);
  // Shapes that were made up prove nothing of a model that may take others.
  const shown = said.some(({ shape }) => isUnknown(shape)) ? withoutShapes(tried) : tried;
  const outputs = shown?.outputs ?? [];
  return {
    name,
    versions: versions.map(String),
    platform: PLATFORMS[model.info.format],
    inputs: tensorsOf(signature.inputs, [...(config?.inputs ?? []), ...(shown?.inputs ?? [])]),
    // A trial has shown all of them, those of dicts by their names too.
    outputs:
      outputs.length > 0
        ? outputs.map(({ name }) => tensorOf(name, [...signature.outputs, ...(config?.outputs ?? []), ...outputs]))
        : tensorsOf(signature.outputs, config?.outputs ?? []),
  };
}

function withoutShapes(tried: TriedValues | null): TriedValues | null {
  const bare = (values: readonly ValueConfig[]) => values.map(({ shape: _, ...rest }) => rest);
  return tried && { inputs: bare(tried.inputs), outputs: bare(tried.outputs) };
}

/** A lone -1 stands for a shape that is not known, or for any number of elements. */
function isUnknown(shape: readonly number[]): boolean {
  return shape.length === 1 && shape[0] === -1;
}

/** What a file, a model.json or a trial says of a tensor. */
interface Said {
  readonly name: string;
  readonly dtype?: DType | null;
  readonly shape?: readonly Dim[] | null;
}

/** The dtypes of arguments that are no tensors in the model's eyes. They are sent as tensors of one element. */
const SCALARS: Readonly<Partial<Record<ValueInfo['kind'], DType>>> = {
  int: 'int64',
  float: 'float64',
  bool: 'bool',
  string: 'string',
};

/** Tuples are listed by their elements, lists and dicts by what one element is: `items.*` stands for `items.0` and so on. */
function tensorsOf(values: readonly ValueInfo[], said: readonly ValueConfig[]): TensorMetadata[] {
  return values.flatMap((info): TensorMetadata[] => {
    if (info.items !== undefined && info.items.length > 0) return tensorsOf(info.items, said);
    const scalar = SCALARS[info.kind];
    if (scalar !== undefined) return [{ name: info.name, datatype: datatypeOf(scalar), shape: [1] }];
    return [tensorOf(info.name, [info, ...said])];
  });
}

/** The first who says something of a tensor of this name is believed. */
function tensorOf(name: string, said: readonly Said[]): TensorMetadata {
  const own = said.filter((value) => value.name === name);
  const dtype = own.find((value) => value.dtype)?.dtype;
  const shape = own.find((value) => value.shape)?.shape;
  return { name, datatype: dtype ? datatypeOf(dtype) : 'UNKNOWN', shape: sizesOf(shape ?? [null]) };
}

/** A leading '...' stands for any number of dimensions; one is as good as any. */
function sizesOf(shape: readonly Dim[]): number[] {
  return shape.map((dim) => (typeof dim === 'number' ? dim : -1));
}
