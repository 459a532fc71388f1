import { intAttribute } from './attributes.js';
import { ELEMENT } from './element-type.js';
import { Names } from './graph-scope.js';
import { type ModelProto, makeNode, makeValue, type NodeProto, shallowCopy } from './onnx-proto.js';
import { int64List } from './tensor-values.js';

/** Numbers that {@link withExtremes} gives for each tensor: lowest, highest, sum. */
export const NUMBERS_PER_TENSOR = 3;

/**
 * A copy of a model that gives, instead of its outputs, the extremes of tensors inside it: one list with three numbers
 * for each. The tensors themselves never leave the runtime. The sums tell NaN and infinity, which the extremes may not.
 */
export function withExtremes(model: ModelProto, tensors: readonly string[]): ModelProto {
  const copy = shallowCopy(model);
  const names = new Names(model.graph);
  const one = names.take('observed_shape');
  copy.graph.initializer.push(int64List(one, [1]));
  const numbers: string[] = [];
  for (const tensor of tensors) {
    for (const operator of ['ReduceMin', 'ReduceMax', 'ReduceSum']) {
      const scalar = names.take(`${tensor}_${operator}`);
      const list = names.take(`${scalar}_list`);
      copy.graph.node.push(node(operator, [tensor], scalar, [intAttribute('keepdims', 0)]));
      copy.graph.node.push(node('Reshape', [scalar, one], list));
      numbers.push(list);
    }
  }
  const output = names.take('observed');
  copy.graph.node.push(node('Concat', numbers, output, [intAttribute('axis', 0)]));
  copy.graph.output = [makeValue(output, ELEMENT.float32)];
  return copy;
}

/** A copy of a model that gives tensors inside it, in order, instead of its outputs. */
export function withTensors(model: ModelProto, tensors: readonly string[]): ModelProto {
  const copy = shallowCopy(model);
  const names = new Names(model.graph);
  copy.graph.output = tensors.map((tensor) => {
    const output = names.take(`${tensor}_observed`);
    // Inputs cannot be outputs by themselves.
    copy.graph.node.push(node('Identity', [tensor], output));
    return makeValue(output, ELEMENT.float32);
  });
  return copy;
}

function node(operator: string, input: string[], output: string, attribute: NodeProto['attribute'] = []): NodeProto {
  return makeNode(operator, input, [output], { name: `${output}_node`, attribute });
}
