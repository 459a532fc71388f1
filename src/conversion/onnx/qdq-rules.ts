import { floatOf, intOf, isStandard, stringOf } from './attributes.js';
import type { NodeProto } from './onnx-proto.js';
import type { QdqPlan } from './qdq-plan.js';
import { dimsOf, floatsOf } from './tensor-values.js';

/** Marks what a node needs; null, or why it stays in float32. */
type Rule = (node: NodeProto, plan: QdqPlan) => string | null;

const NOT_FLOAT = 'its values are no float32';
const INPUT_FLOAT = 'its input stays in float32';

/**
 * The operators that onnxruntime.quantization quantizes statically by default, each with what is quantized around it.
 * The runtime puts operators between DequantizeLinear and QuantizeLinear together to one that computes in integers.
 */
const RULES: Readonly<Record<string, Rule>> = {
  Conv: (node, plan) => weighted(node, plan, 0),
  ConvTranspose: (node, plan) => weighted(node, plan, intOf(node, 'group', 1) === 1 ? 1 : null),
  Gemm: (node, plan) => weighted(node, plan, intOf(node, 'transB', 0) === 0 ? 1 : 0),
  MatMul: matMul,
  Relu: activation,
  Clip: activation,
  ...rules(sameScale, 'AveragePool Flatten MaxPool Reshape Resize Slice Squeeze TopK Transpose Unsqueeze'),
  ...rules(everything, 'Add ArgMax Concat CumSum GlobalAveragePool LeakyRelu Mul Sigmoid Softmax'),
  ...rules(normalization, 'BatchNormalization InstanceNormalization LayerNormalization'),
  ...rules(gather, 'Gather GatherElements'),
  Pad: pad,
  Split: split,
  Where: where,
};

function rules(rule: Rule, operators: string): Record<string, Rule> {
  return Object.fromEntries(operators.split(' ').map((operator) => [operator, rule]));
}

/** Applies the rule of a node's operator. */
export function planNode(node: NodeProto, plan: QdqPlan): string | null {
  const rule = isStandard(node) && Object.hasOwn(RULES, node.opType) ? RULES[node.opType] : undefined;
  return rule === undefined ? 'it has no form in 8 bits' : rule(node, plan);
}

function weighted(node: NodeProto, plan: QdqPlan, channels: number | null): string | null {
  const [input, weight, bias] = node.input;
  if (!plan.isActivation(input) || !plan.isActivation(node.output[0])) return NOT_FLOAT;
  plan.value(input);
  plan.outputs(node);
  if (!plan.isWeight(weight)) return plan.input(node, 1) ? null : NOT_FLOAT;
  plan.weights.push({ node, index: 1, as: 'weight', axis: plan.perChannel ? channels : null });
  // alpha and beta scale the product and the bias each in its own way, which one scale for both cannot say.
  const plain = floatOf(node, 'alpha', 1) === 1 && floatOf(node, 'beta', 1) === 1;
  if (plain && plan.isWeight(bias)) plan.biases.push({ node, index: 2 });
  return null;
}

function matMul(node: NodeProto, plan: QdqPlan): string | null {
  if (!plan.isActivation(node.output[0])) return NOT_FLOAT;
  plan.input(node, 0);
  const weight = plan.scope.weight(node.input[1] ?? '')?.tensor;
  if (weight !== undefined && plan.isWeight(node.input[1])) {
    // Kernels take scales by the column of a matrix; stacks of matrices have one scale.
    const axis = plan.perChannel && dimsOf(weight).length === 2 ? 1 : null;
    plan.weights.push({ node, index: 1, as: 'weight', axis });
  } else plan.input(node, 1);
  plan.outputs(node);
  return null;
}

/**
 * Relu and Clip go where the value before them is quantized anyway: it is then quantized by the range of what they give,
 * and saturates where they would have cut. That needs 0 in the range that they let through, for 0 is in every quantized one.
 */
function activation(node: NodeProto, plan: QdqPlan): string | null {
  const [input, output] = [node.input[0]!, node.output[0]!];
  if (!plan.isQuantized(input)) return INPUT_FLOAT;
  if (plan.isBetween(input) && cutsAroundZero(node, plan)) {
    plan.activations.delete(input);
    plan.dropped.add(node);
  }
  plan.outputs(node);
  return output === '' ? NOT_FLOAT : null;
}

function cutsAroundZero(node: NodeProto, plan: QdqPlan): boolean {
  if (node.opType === 'Relu') return true;
  const bound = (index: number, standard: number): number => {
    const name = node.input[index];
    if (name === undefined || name === '') return standard;
    const tensor = plan.scope.weight(name)?.tensor;
    return (tensor && floatsOf(tensor)?.[0]) ?? Number.NaN;
  };
  return bound(1, Number.NEGATIVE_INFINITY) <= 0 && bound(2, Number.POSITIVE_INFINITY) >= 0;
}

function sameScale(node: NodeProto, plan: QdqPlan): string | null {
  if (!plan.isQuantized(node.input[0])) return plan.isActivation(node.input[0]) ? INPUT_FLOAT : NOT_FLOAT;
  plan.same(node.output[0]!, node.input[0]!);
  return null;
}

function everything(node: NodeProto, plan: QdqPlan): string | null {
  // Integers are added and put together as well, for shapes above all.
  const float = node.input.some((name) => plan.isActivation(name));
  if (!float) return NOT_FLOAT;
  for (const index of node.input.keys()) plan.input(node, index);
  plan.outputs(node);
  return null;
}

/** Their few weights stay in float32: the runtime has no kernel for them in integers, so that would cost accuracy for nothing. */
function normalization(node: NodeProto, plan: QdqPlan): string | null {
  if (!plan.isActivation(node.input[0])) return NOT_FLOAT;
  plan.value(node.input[0]);
  plan.outputs(node);
  return null;
}

function gather(node: NodeProto, plan: QdqPlan): string | null {
  const [input, output] = [node.input[0]!, node.output[0]!];
  if (plan.isWeight(input)) {
    plan.input(node, 0);
    // Its scale is that of the weight, which qdq-apply.ts finds by the node.
    plan.activations.set(output, input);
    return null;
  }
  return sameScale(node, plan);
}

function pad(node: NodeProto, plan: QdqPlan): string | null {
  const [input, output] = [node.input[0]!, node.output[0]!];
  if (!plan.isActivation(input)) return NOT_FLOAT;
  plan.value(input);
  if (stringOf(node, 'mode', 'constant') !== 'constant' || padsWithZero(node, plan)) plan.same(output, input);
  else {
    plan.input(node, 2);
    plan.value(output);
  }
  return null;
}

function padsWithZero(node: NodeProto, plan: QdqPlan): boolean {
  const name = node.input[2];
  if (name === undefined || name === '') return true;
  const tensor = plan.scope.weight(name)?.tensor;
  return tensor !== undefined && floatsOf(tensor)?.[0] === 0;
}

function split(node: NodeProto, plan: QdqPlan): string | null {
  const input = node.input[0]!;
  if (!plan.isActivation(input)) return NOT_FLOAT;
  plan.value(input);
  for (const output of node.output) plan.same(output, input);
  return null;
}

function where(node: NodeProto, plan: QdqPlan): string | null {
  if (!plan.isQuantized(node.input[1]) || !plan.isQuantized(node.input[2])) return INPUT_FLOAT;
  plan.outputs(node);
  return null;
}
