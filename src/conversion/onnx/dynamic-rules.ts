import { floatOf, intAttribute, intOf, isStandard } from './attributes.js';
import { COMPUTED, type DynamicGraph, type QuantizedName } from './dynamic-graph.js';
import { quantizeLstm } from './dynamic-lstm.js';
import { quantizeAttention, quantizeEmbedding } from './dynamic-transformer.js';
import { ELEMENT } from './element-type.js';
import type { NodeProto } from './onnx-proto.js';
import { dimsOf, floatsOf, tensorOf } from './tensor-values.js';

/** Adds the nodes that do in integers what one does; null, or why it stays in float32. */
export type DynamicRule = (node: NodeProto, graph: DynamicGraph) => string | null;

/** The operators that onnxruntime.quantization quantizes dynamically by default, and Gemm, which it takes for MatMul and Add. */
const RULES: Readonly<Record<string, DynamicRule>> = {
  Conv: conv,
  Gather: gather,
  Gemm: gemm,
  LSTM: quantizeLstm,
  MatMul: matMul,
  Transpose: transpose,
};

const VENDOR_RULES: Readonly<Record<string, DynamicRule>> = {
  Attention: quantizeAttention,
  EmbedLayerNormalization: quantizeEmbedding,
};

/** Applies the rule of a node's operator. Where it gives a reason, it has added nothing. */
export function quantizeNode(node: NodeProto, graph: DynamicGraph): string | null {
  const table = isStandard(node) ? RULES : node.domain === 'com.microsoft' ? VENDOR_RULES : {};
  const rule = Object.hasOwn(table, node.opType) ? table[node.opType] : undefined;
  return rule === undefined ? 'it has no dynamic form in 8 bits' : rule(node, graph);
}

function matMul(node: NodeProto, graph: DynamicGraph): string | null {
  const weight = graph.floatWeight(node.input[1]);
  if (weight === undefined || graph.floatWeight(node.input[0]) !== undefined) return COMPUTED;
  const columns = dimsOf(weight).length === 2 ? 1 : null;
  multiply(node, graph, graph.weight(weight.name, graph.int8(columns)), node.output[0]!);
  return null;
}

/** alpha goes into the weights' scales and beta into the bias, which only constants allow. */
function gemm(node: NodeProto, graph: DynamicGraph): string | null {
  const weight = graph.floatWeight(node.input[1]);
  if (weight === undefined) return COMPUTED;
  if (intOf(node, 'transA', 0) !== 0) return 'its input is transposed';
  const alpha = floatOf(node, 'alpha', 1);
  const beta = floatOf(node, 'beta', 1);
  const bias = node.input[2] ?? '';
  const values = bias === '' || beta === 1 ? undefined : graph.floatWeight(bias);
  if (alpha !== 1 || (bias !== '' && beta !== 1 && values === undefined)) return 'its product or bias is scaled';
  const turn = intOf(node, 'transB', 0) === 0 ? undefined : turned;
  const output = node.output[0]!;
  const product = bias === '' ? output : graph.names.take(`${output}_product`);
  multiply(node, graph, graph.weight(weight.name, graph.int8(1, turn)), product);
  if (bias === '') return null;
  let added = bias;
  if (values !== undefined) {
    const scaled = floatsOf(values)!.map((value) => value * beta);
    const name = graph.names.take(`${bias}_scaled`);
    added = graph.scope.addWeight(tensorOf(name, ELEMENT.float32, values.dims, scaled)).name;
  }
  graph.add('Add', [product, added], output);
  return null;
}

/** [N, K] as [K, N]. */
function turned(values: Float32Array, dims: number[]): [Float32Array, number[]] {
  const [rows, columns] = dims as [number, number];
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!;
  }
  return [result, [columns, rows]];
}

/** The pattern of nodes that the runtime turns into one DynamicQuantizeMatMul. */
function multiply(node: NodeProto, graph: DynamicGraph, weight: QuantizedName, output: string): void {
  const input = graph.input(node.input[0]!);
  const integers = graph.names.take(`${output}_integers`);
  graph.add('MatMulInteger', [input.value, weight.value, input.zeroPoint, weight.zeroPoint], integers);
  rescale(graph, integers, input.scale, weight.scale, output);
}

function conv(node: NodeProto, graph: DynamicGraph): string | null {
  const weight = graph.floatWeight(node.input[1]);
  if (weight === undefined) return COMPUTED;
  const rank = dimsOf(weight).length;
  // Scales and bias lie along the channels, which are axis 1 of the output.
  const along = (count: number): number[] => [1, count, ...Array<number>(rank - 2).fill(1)];
  const form = graph.int8(0);
  const quantized = graph.weight(weight.name, {
    ...form,
    key: `${form.key} conv`,
    ...(graph.perChannel && { scaleShape: (scales) => along(scales.length) }),
  });
  const input = graph.input(node.input[0]!);
  const output = node.output[0]!;
  const integers = graph.names.take(`${output}_integers`);
  graph.add('ConvInteger', [input.value, quantized.value, input.zeroPoint, quantized.zeroPoint], integers, node);
  const bias = node.input[2] ?? '';
  const product = bias === '' ? output : graph.names.take(`${output}_product`);
  rescale(graph, integers, input.scale, quantized.scale, product);
  if (bias !== '') graph.add('Add', [product, alongChannels(graph, bias, along(-1))], output);
  return null;
}

function alongChannels(graph: DynamicGraph, bias: string, shape: readonly number[]): string {
  const constant = graph.floatWeight(bias);
  const output = graph.names.take(`${bias}_channels`);
  if (constant !== undefined) {
    const values = floatsOf(constant)!;
    const dims = shape.map((size) => (size === -1 ? values.length : size));
    return graph.scope.addWeight(tensorOf(output, ELEMENT.float32, dims, values)).name;
  }
  const name = graph.names.take(`${output}_shape`);
  const sizes = tensorOf(name, ELEMENT.int64, [shape.length], BigInt64Array.from(shape, BigInt));
  return graph.add('Reshape', [bias, graph.scope.addWeight(sizes).name], output);
}

function rescale(graph: DynamicGraph, integers: string, inputScale: string, weightScale: string, output: string): void {
  const floats = graph.names.take(`${integers}_cast`);
  const scale = graph.names.take(`${output}_scale`);
  graph.add('Cast', [integers], floats);
  graph.nodes.at(-1)!.attribute = [intAttribute('to', ELEMENT.float32)];
  graph.add('Mul', [inputScale, weightScale], scale);
  graph.add('Mul', [floats, scale], output);
}

function gather(node: NodeProto, graph: DynamicGraph): string | null {
  const table = graph.floatWeight(node.input[0]);
  if (table === undefined) return COMPUTED;
  const weight = graph.weight(table.name, graph.table);
  moved(node, graph, weight, [weight.value, ...node.input.slice(1)]);
  return null;
}

/** Moves what is in 8 bits already, as after Gather. */
function transpose(node: NodeProto, graph: DynamicGraph): string | null {
  const quantized = graph.quantized.get(node.input[0]!);
  if (quantized === undefined) return 'its input stays in float32';
  moved(node, graph, quantized, [quantized.value]);
  return null;
}

/** Adds an operator that only moves values, in 8 bits, and gives its output in both forms. */
function moved(node: NodeProto, graph: DynamicGraph, from: QuantizedName, input: string[]): void {
  const output = node.output[0]!;
  const value = graph.add(node.opType, input, graph.names.take(`${output}_quantized`), node);
  graph.quantized.set(output, { ...from, value });
  graph.add('DequantizeLinear', [value, from.scale, from.zeroPoint], output);
}
