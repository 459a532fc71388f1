import { attributeOf } from './attributes.js';
import { COMPUTED, type DynamicGraph } from './dynamic-graph.js';
import { makeNode, type NodeProto } from './onnx-proto.js';

/** Inputs of EmbedLayerNormalization that are tables or vectors of weights. */
const EMBEDDING_WEIGHTS = [2, 3, 4, 5, 6];

/** Attention becomes QAttention: weights [input, 3 * hidden] with a scale for each column. */
export function quantizeAttention(node: NodeProto, graph: DynamicGraph): string | null {
  const weight = graph.floatWeight(node.input[1]);
  if (weight === undefined) return COMPUTED;
  // QAttention knows queries, keys and values of one size only, and no inputs after the past.
  if (attributeOf(node, 'qkv_hidden_sizes') !== undefined || node.input.slice(5).some((name) => name !== '')) {
    return 'its form has no counterpart in 8 bits';
  }
  const { value, scale, zeroPoint } = graph.weight(weight.name, graph.int8(1));
  const input = graph.input(node.input[0]!);
  const [mask, past] = [node.input[3] ?? '', node.input[4] ?? ''];
  vendor('QAttention', node, graph, [
    input.value,
    value,
    node.input[2]!,
    input.scale,
    scale,
    mask,
    input.zeroPoint,
    zeroPoint,
    past,
  ]);
  return null;
}

/** EmbedLayerNormalization becomes QEmbedLayerNormalization: all weights uint8, indices as they are. */
export function quantizeEmbedding(node: NodeProto, graph: DynamicGraph): string | null {
  if (node.output.length > 2) return 'it gives the sum of its embeddings';
  const present = EMBEDDING_WEIGHTS.filter((index) => (node.input[index] ?? '') !== '');
  if (present.some((index) => graph.floatWeight(node.input[index]) === undefined)) return COMPUTED;
  const weights = EMBEDDING_WEIGHTS.map((index) => {
    const name = node.input[index] ?? '';
    return name === '' ? { value: '', scale: '', zeroPoint: '' } : graph.weight(name, graph.table);
  });
  vendor('QEmbedLayerNormalization', node, graph, [
    node.input[0]!,
    node.input[1] ?? '',
    ...weights.map(({ value }) => value),
    node.input[7] ?? '',
    ...weights.map(({ scale }) => scale),
    ...weights.map(({ zeroPoint }) => zeroPoint),
  ]);
  return null;
}

function vendor(operator: string, node: NodeProto, graph: DynamicGraph, input: string[]): void {
  const name = graph.names.take(`${node.name}_quant`);
  const { output, attribute } = node;
  graph.nodes.push(makeNode(operator, input, output, { name, domain: 'com.microsoft', attribute }));
}
