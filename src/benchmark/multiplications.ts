import { intOf } from '../conversion/onnx/attributes.js';
import type { NodeProto } from '../conversion/onnx/onnx-proto.js';

/** The values of a node whose shapes say how many multiplications it does: inputs by number, or its output. */
type Value = number | 'output';

interface Rule {
  readonly values: readonly Value[];
  /** Multiplications by the shapes of `values`, in their order. */
  readonly count: (node: NodeProto, ...shapes: number[][]) => number;
}

const product = (shape: readonly number[]) => shape.reduce((size, dim) => size * dim, 1);

/** y = a b: each element of y sums as many products as a row of a has elements. */
const matmul = (a: number): Rule => ({
  values: [a, 'output'],
  count: (node, left, y) => {
    const transposed = intOf(node, 'transA', 0) !== 0 && left!.length > 1;
    return product(y!) * left!.at(transposed ? -2 : -1)!;
  },
});

/** Each element of the output sums a kernel: the weight but for its first dimension, that of output channels. */
const convolution = (weight: number): Rule => ({
  values: [weight, 'output'],
  count: (_, w, y) => product(y!) * product(w!.slice(1)),
});

/** Every step of every row multiplies with both weights, of all directions. */
const recurrent: Rule = {
  values: [0, 1, 2],
  count: (_, x, w, r) => x![0]! * x![1]! * (product(w!) + product(r!)),
};

const RULES: Readonly<Record<string, Rule>> = {
  MatMul: matmul(0),
  MatMulInteger: matmul(0),
  QLinearMatMul: matmul(0),
  Gemm: matmul(0),
  Conv: convolution(1),
  ConvInteger: convolution(1),
  QLinearConv: convolution(3),
  ConvTranspose: { values: [0, 1], count: (_, x, w) => product(x!) * product(w!.slice(1)) },
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  'com.microsoft.MatMulIntegerToFloat': matmul(0),
  'com.microsoft.DynamicQuantizeMatMul': matmul(0),
  'com.microsoft.DynamicQuantizeLSTM': recurrent,
  'com.microsoft.FusedMatMul': matmul(0),
  'com.microsoft.FusedGemm': matmul(0),
  'com.microsoft.QGemm': matmul(0),
  'com.microsoft.FusedConv': convolution(1),
};

/** Operators of the format itself that multiply in ways of their own. */
const UNCOUNTED = ['Einsum', 'DeformConv', 'Attention'];
/** Those of ONNX Runtime that do next to no multiplications. */
const HARMLESS =
  /^com\.microsoft\.(\w*Gelu|\w*LayerNormalization|\w*Pool|QLinear(Add|Mul|Concat|LeakyRelu|Sigmoid|Softmax)|(Dynamic)?(Quantize|Dequantize)Linear)$/;

function operatorOf({ domain, opType }: NodeProto): string {
  return domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`;
}

/** Whether an operator's multiplications are counted, are none to speak of, or are not known. */
export function kindOf(node: NodeProto): 'counted' | 'none' | 'unknown' {
  const operator = operatorOf(node);
  if (Object.hasOwn(RULES, operator)) return 'counted';
  if (UNCOUNTED.includes(operator)) return 'unknown';
  return !operator.includes('.') || HARMLESS.test(operator) ? 'none' : 'unknown';
}

/** The names of the values whose shapes a counted node is told by. */
export function valuesOf(node: NodeProto): string[] {
  return RULES[operatorOf(node)]!.values.map((value) => (value === 'output' ? node.output[0]! : node.input[value]!));
}

/** The multiplications of a counted node, by the shapes of its values. */
export function multiplicationsOf(node: NodeProto, shapes: readonly number[][]): number {
  return RULES[operatorOf(node)]!.count(node, ...shapes);
}
