import { intOf, removeAttribute } from './attributes.js';
import { COMPUTED, type DynamicGraph, type WeightForm } from './dynamic-graph.js';
import { makeNode, type NodeProto } from './onnx-proto.js';
import { quantizeInt8 } from './quantize-weights.js';

/** Inputs of LSTM before the scales: X, W, R, B, sequence_lens, initial_h, initial_c, P. */
const INPUTS = 8;

/**
 * LSTM becomes DynamicQuantizeLSTM of com.microsoft, which takes its weights as [directions, input, 4 * hidden]. It has a
 * scale for each direction: with one for each column, the runtime's kernel is a tenth slower.
 */
export function quantizeLstm(node: NodeProto, graph: DynamicGraph): string | null {
  const [input, recurrent] = [graph.floatWeight(node.input[1]), graph.floatWeight(node.input[2])];
  if (input === undefined || recurrent === undefined) return COMPUTED;
  if (intOf(node, 'layout', 0) !== 0) return 'its layout has no form in 8 bits';
  removeAttribute(node, 'layout');
  const form = lstmForm(graph);
  const w = graph.weight(input.name, form);
  const r = graph.weight(recurrent.name, form);
  const rest = Array.from({ length: INPUTS - 3 }, (_, index) => node.input[index + 3] ?? '');
  graph.nodes.push(
    makeNode(
      'DynamicQuantizeLSTM',
      [node.input[0]!, w.value, r.value, ...rest, w.scale, w.zeroPoint, r.scale, r.zeroPoint],
      node.output,
      { name: graph.names.take(`${node.name}_quant`), domain: 'com.microsoft', attribute: node.attribute },
    ),
  );
  return null;
}

function lstmForm({ reduceRange }: DynamicGraph): WeightForm {
  return {
    key: 'lstm',
    zeroPoints: true,
    make: (name, values, dims) => {
      const [directions, columns, inputs] = dims as [number, number, number];
      const { data, scales } = quantizeInt8(name, values, dims, 0, reduceRange);
      return { ...turnEach(data, directions, columns, inputs), scales, zeroPoint: 0, axis: 0 };
    },
  };
}

/** [directions, columns, inputs] as [directions, inputs, columns]. */
function turnEach(
  values: Int8Array | Uint8Array,
  directions: number,
  columns: number,
  inputs: number,
): { data: Int8Array; dims: number[] } {
  const data = new Int8Array(values.length);
  for (let direction = 0; direction < directions; direction++) {
    const start = direction * columns * inputs;
    for (let column = 0; column < columns; column++) {
      for (let input = 0; input < inputs; input++) {
        data[start + input * columns + column] = values[start + column * inputs + input]!;
      }
    }
  }
  return { data, dims: [directions, inputs, columns] };
}
