import protobuf from 'protobufjs/light.js';
import type { Int64 } from '../../backends/onnx/onnx-schema.js';
import { onnxSchema } from './proto-schema.js';

export interface StringEntry {
  key: string;
  value: string;
}

export interface TensorProto {
  name: string;
  dims: Int64[];
  dataType: number;
  /** Elements as they lie in memory, little-endian; a view of the file's bytes. Absent where another field holds them. */
  rawData?: Uint8Array;
  floatData: number[];
  int32Data: number[];
  int64Data: Int64[];
  externalData: StringEntry[];
  dataLocation: number;
}

export interface SparseTensorProto {
  values?: TensorProto | null;
  indices?: TensorProto | null;
}

export interface AttributeProto {
  name: string;
  /** A number of `AttributeProto.AttributeType`; 0 in files older than that field. */
  type: number;
  f: number;
  i: Int64;
  s: Uint8Array;
  t?: TensorProto | null;
  g?: GraphProto | null;
  floats: number[];
  ints: Int64[];
  tensors: TensorProto[];
  graphs: GraphProto[];
  sparseTensor?: SparseTensorProto | null;
  sparseTensors: SparseTensorProto[];
  refAttrName: string;
}

export interface NodeProto {
  name: string;
  opType: string;
  domain: string;
  input: string[];
  output: string[];
  attribute: AttributeProto[];
}

export interface ShapeProto {
  dim: { dimValue?: Int64; dimParam?: string }[];
}

export interface TypeProto {
  tensorType?: { elemType: number; shape?: ShapeProto | null } | null;
  sequenceType?: { elemType?: TypeProto | null } | null;
  optionalType?: { elemType?: TypeProto | null } | null;
}

export interface ValueProto {
  name: string;
  type?: TypeProto | null;
}

export interface GraphProto {
  name: string;
  node: NodeProto[];
  initializer: TensorProto[];
  sparseInitializer: SparseTensorProto[];
  input: ValueProto[];
  output: ValueProto[];
  valueInfo: ValueProto[];
}

/** A whole model, to be changed in place. Fields that no code here touches are kept and written back. */
export interface ModelProto {
  irVersion: Int64;
  opsetImport: { domain: string; version: Int64 }[];
  producerName: string;
  producerVersion: string;
  graph: GraphProto;
  metadataProps: StringEntry[];
  trainingInfo: { initialization?: GraphProto | null; algorithm?: GraphProto | null }[];
  functions: { node: NodeProto[]; attributeProto: AttributeProto[] }[];
}

const root = protobuf.Root.fromJSON(onnxSchema());
const model = root.lookupType('Model');
const tensor = root.lookupType('Tensor');
const node = root.lookupType('Node');
const attribute = root.lookupType('Attribute');
const value = root.lookupType('Value');
const graph = root.lookupType('Graph');

/**
 * Decodes an ONNX file; throws on bytes that are not one. Weights are views of `bytes`, which must outlive the model.
 * Fields that this schema does not know are kept as well.
 */
export function decodeOnnx(bytes: Uint8Array): ModelProto {
  const reader = protobuf.Reader.create(bytes);
  reader.discardUnknown = false;
  return model.decode(reader) as unknown as ModelProto;
}

/** The bytes of an ONNX file. What {@link decodeOnnx} read comes out again. */
export function encodeOnnx(message: ModelProto): Uint8Array {
  return model.encode(message as object).finish();
}

/** A tensor with the fields given, the others unset. */
export function makeTensor(fields: Partial<TensorProto>): TensorProto {
  return tensor.create(fields as object) as unknown as TensorProto;
}

/** A node with the fields given, the others unset. */
export function makeNode(
  opType: string,
  input: string[],
  output: string[],
  rest: { name?: string; domain?: string; attribute?: AttributeProto[] } = {},
): NodeProto {
  return node.create({ opType, input, output, ...rest } as object) as unknown as NodeProto;
}

/** An attribute with the fields given, the others unset. */
export function makeAttribute(fields: Partial<AttributeProto>): AttributeProto {
  return attribute.create(fields as object) as unknown as AttributeProto;
}

/** A typed value without a shape. */
export function makeValue(name: string, elemType: number): ValueProto {
  return value.create({ name, type: { tensorType: { elemType } } } as object) as unknown as ValueProto;
}

/** A model that shares everything with `source` but its graph's lists, so that nodes and outputs can be added. */
export function shallowCopy(source: ModelProto): ModelProto {
  const { graph: old } = source;
  const copy = Object.assign(graph.create({}), old, {
    node: [...old.node],
    initializer: [...old.initializer],
    input: [...old.input],
    output: [...old.output],
    valueInfo: [...old.valueInfo],
  }) as unknown as GraphProto;
  return Object.assign(model.create({}), source, { graph: copy }) as unknown as ModelProto;
}

/** A copy that shares nothing with the model. */
export function cloneModel(source: ModelProto): ModelProto {
  return decodeOnnx(encodeOnnx(source));
}
