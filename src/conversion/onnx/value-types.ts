import { toNumber } from '../../backends/onnx/onnx-schema.js';
import { attributeOf, intOf, isStandard, subgraphsOf } from './attributes.js';
import { ELEMENT } from './element-type.js';
import type { GraphProto, ModelProto, NodeProto, ValueProto } from './onnx-proto.js';

/** The element type of each value of a graph, by name; 0 where it cannot be told. Subgraphs have maps of their own. */
export type ValueTypes = ReadonlyMap<string, number>;

/** Operators of the format whose outputs have one type whatever they are given. */
const FIXED: Readonly<Record<string, number>> = {
  ...named(ELEMENT.int64, 'ArgMax ArgMin NonMaxSuppression NonZero SequenceLength Shape Size StringSplit'),
  ...named(ELEMENT.bool, 'And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Xor'),
  ...named(ELEMENT.bool, 'OptionalHasElement RegexFullMatch StringEqual'),
  ...named(ELEMENT.int32, 'ConvInteger MatMulInteger'),
  ...named(ELEMENT.string, 'StringConcat StringNormalizer'),
  ...named(ELEMENT.float32, 'TfIdfVectorizer'),
};

/** Operators that name the type of their output in an attribute; with what it is where they do not. */
const BY_ATTRIBUTE: Readonly<Record<string, readonly [attribute: string, standard: number]>> = {
  Cast: ['to', 0],
  EyeLike: ['dtype', 0],
  RandomNormal: ['dtype', ELEMENT.float32],
  RandomUniform: ['dtype', ELEMENT.float32],
  RandomNormalLike: ['dtype', 0],
  RandomUniformLike: ['dtype', 0],
  Bernoulli: ['dtype', 0],
  Multinomial: ['dtype', ELEMENT.int32],
  HannWindow: ['output_datatype', ELEMENT.float32],
  HammingWindow: ['output_datatype', ELEMENT.float32],
  BlackmanWindow: ['output_datatype', ELEMENT.float32],
  MelWeightMatrix: ['output_datatype', ELEMENT.float32],
};

/** Operators whose outputs have the type of another input than the first. */
const BY_INPUT: Readonly<Record<string, number>> = {
  CastLike: 1,
  DequantizeLinear: 1,
  OneHot: 2,
  Where: 1,
};

/** Outputs after the first that have a type of their own. */
const LATER_OUTPUTS: Readonly<Record<string, readonly (number | undefined)[]>> = {
  Dropout: [undefined, ELEMENT.bool],
  DynamicQuantizeLinear: [ELEMENT.uint8, ELEMENT.float32, ELEMENT.uint8],
  MaxPool: [undefined, ELEMENT.int64],
  TopK: [undefined, ELEMENT.int64],
  Unique: [undefined, ELEMENT.int64, ELEMENT.int64, ELEMENT.int64],
};

/** Operators of com.microsoft that give what they take first. */
const VENDOR_SAME =
  'Attention BiasGelu BiasSoftmax DynamicQuantizeLSTM DynamicQuantizeMatMul FastGelu FusedConv FusedGemm FusedMatMul Gelu ' +
  'GroupNorm LayerNormalization MultiHeadAttention QuickGelu SimplifiedLayerNormalization SkipLayerNormalization';

const sameAsInput = new Set(VENDOR_SAME.split(' '));

function named(type: number, names: string): Record<string, number> {
  return Object.fromEntries(names.split(' ').map((name) => [name, type]));
}

/** Element types of all values of the model's graph. What the file declares counts; the rest follows from operators. */
export function inferTypes(model: ModelProto): ValueTypes {
  return inferGraphTypes(model.graph, new Map());
}

/** The same for a subgraph; `outer` are the values it can see. */
export function inferGraphTypes(graph: GraphProto, outer: ValueTypes): ValueTypes {
  const types = new Map(outer);
  for (const value of [...graph.input, ...graph.output, ...graph.valueInfo]) {
    const type = declaredType(value);
    if (type !== 0) types.set(value.name, type);
  }
  for (const tensor of graph.initializer) types.set(tensor.name, tensor.dataType);
  const declared = new Set(graph.valueInfo.map(({ name }) => name));
  for (const { name } of graph.output) declared.add(name);
  for (const node of graph.node) {
    for (const [index, type] of outputTypes(node, types).entries()) {
      const name = node.output[index]!;
      if (name !== '' && !(declared.has(name) && types.has(name))) types.set(name, type);
    }
  }
  return types;
}

/** The element type that a value declares; 0 for none, and for what is no tensor. */
function declaredType({ type }: ValueProto): number {
  return type?.tensorType?.elemType ?? 0;
}

function outputTypes(node: NodeProto, types: ValueTypes): number[] {
  const first = firstOutput(node, types);
  const later = isStandard(node) ? LATER_OUTPUTS[node.opType] : undefined;
  if (node.opType === 'If' || node.opType === 'Loop' || node.opType === 'Scan') return subgraphOutputs(node, types);
  return node.output.map((_, index) => later?.[index] ?? first);
}

function firstOutput(node: NodeProto, types: ValueTypes): number {
  const at = (index: number): number => types.get(node.input[index] ?? '') ?? 0;
  if (!isStandard(node)) return sameAsInput.has(node.opType) ? at(0) : 0;
  if (node.opType === 'Constant') return constantType(node);
  if (node.opType === 'ConstantOfShape') return attributeOf(node, 'value')?.t?.dataType ?? ELEMENT.float32;
  if (node.opType === 'QuantizeLinear') return types.get(node.input[2] ?? '') ?? intOf(node, 'output_dtype', 2);
  const fixed = FIXED[node.opType];
  if (fixed !== undefined) return fixed;
  const attribute = BY_ATTRIBUTE[node.opType];
  if (attribute !== undefined) return intOf(node, attribute[0], attribute[1]) || at(0);
  return at(BY_INPUT[node.opType] ?? 0);
}

function constantType({ attribute }: NodeProto): number {
  for (const { name, t, sparseTensor } of attribute) {
    if (name === 'value') return t?.dataType ?? 0;
    if (name === 'value_float' || name === 'value_floats') return ELEMENT.float32;
    if (name === 'value_int' || name === 'value_ints') return ELEMENT.int64;
    if (name === 'value_string' || name === 'value_strings') return ELEMENT.string;
    if (name === 'sparse_value') return sparseTensor?.values?.dataType ?? 0;
  }
  return 0;
}

/** The outputs of If are those of a branch; Loop's body gives its condition first, which is no output. */
function subgraphOutputs(node: NodeProto, types: ValueTypes): number[] {
  const body = subgraphsOf(node)[0];
  if (body === undefined) return node.output.map(() => 0);
  const inner = inferGraphTypes(withInputs(node, body, types), types);
  const skip = node.opType === 'Loop' ? 1 : 0;
  return node.output.map((_, index) => inner.get(body.output[index + skip]?.name ?? '') ?? 0);
}

/** Inputs of a body that declare no type take that of the values which the node passes. */
function withInputs(node: NodeProto, body: GraphProto, types: ValueTypes): GraphProto {
  const untyped = body.input.filter((value) => declaredType(value) === 0);
  if (untyped.length === 0) return body;
  const valueInfo = [...body.valueInfo];
  for (const [index, value] of body.input.entries()) {
    const elemType = types.get(node.input[index] ?? '') ?? 0;
    if (declaredType(value) === 0 && elemType !== 0) {
      valueInfo.push({ name: value.name, type: { tensorType: { elemType } } });
    }
  }
  return { ...body, valueInfo, initializer: body.initializer, node: body.node };
}

/** The version of the format's own operators that a model uses; 0 if it names none. */
export function opsetOf(model: Pick<ModelProto, 'opsetImport'>): number {
  const own = model.opsetImport.filter(({ domain }) => domain === '' || domain === 'ai.onnx');
  return Math.max(0, ...own.map(({ version }) => toNumber(version)));
}
