import { InfernodeError } from '../../errors.js';
import { allGraphs, isStandard } from './attributes.js';
import { ELEMENT } from './element-type.js';
import type { ModelProto, NodeProto } from './onnx-proto.js';
import { prepareModel } from './prepare.js';
import { operatorName } from './report.js';
import { upgradeOpset } from './upgrade-opset.js';

/** Operators that compute with 8-bit integers, or lead to or from them. */
const QUANTIZED = new Set([
  'QuantizeLinear',
  'DequantizeLinear',
  'DynamicQuantizeLinear',
  'ConvInteger',
  'MatMulInteger',
  'QLinearConv',
  'QLinearMatMul',
]);

/** As above, of com.microsoft. Its other operators with such names begin with `QLinear`. */
const VENDOR_QUANTIZED =
  /^(?:QLinear|Quantize|Dequantize|DynamicQuantize|MatMulInteger|MatMulNBits|QGemm|QAttention|Q[A-Z])/;

/**
 * Brings a model, in place, into the form that quantization works on: see prepare.ts and upgrade-opset.ts. Doing it
 * twice changes nothing more.
 *
 * @throws InfernodeError INF_QUANTIZED_ALREADY, INF_CONVERSION_FAILED for operators of an opset that is too old
 */
export function prepareForQuantization(model: ModelProto): void {
  checkFloat32(model);
  prepareModel(model);
  upgradeOpset(model);
}

/**
 * Refuses a model that is in a lower precision already.
 * @throws InfernodeError INF_QUANTIZED_ALREADY
 */
export function checkFloat32(model: ModelProto): void {
  for (const { node, initializer } of allGraphs(model.graph)) {
    const quantized = node.find(isQuantized);
    if (quantized !== undefined) {
      throw already(`has ${operatorName(quantized)} "${quantized.name}"`, '8-bit integers');
    }
    // The first large weight tells; scalars may be float16 in a float32 model.
    const half = initializer.find(({ dataType, dims }) => dataType === ELEMENT.float16 && dims.length > 1);
    const single = initializer.find(({ dataType, dims }) => dataType === ELEMENT.float32 && dims.length > 1);
    if (half !== undefined && single === undefined) throw already(`has weight "${half.name}" in float16`, 'float16');
  }
}

function isQuantized(node: NodeProto): boolean {
  if (isStandard(node)) return QUANTIZED.has(node.opType);
  return node.domain === 'com.microsoft' && VENDOR_QUANTIZED.test(node.opType);
}

function already(what: string, given: string): InfernodeError {
  const message = `The model is in ${given} already: it ${what}. Convert the float32 model that it was made from`;
  return new InfernodeError('INF_QUANTIZED_ALREADY', message, { details: { expected: 'float32', given } });
}
