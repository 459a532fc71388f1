import { allGraphs, subgraphsOf } from './attributes.js';
import { dropUnusedWeights, weightBytes } from './graph-scope.js';
import type { ModelProto } from './onnx-proto.js';
import { QdqWriter, type Range } from './qdq-apply.js';
import { nothingToQuantize, QdqPlan, type StaticOptions } from './qdq-plan.js';
import { prepareForQuantization } from './quantizing-model.js';
import { operatorName, type QuantizationReport, ReportBuilder } from './report.js';

/**
 * Quantizes a model to 8 bits, in place, by ranges that calibration found: see calibrate.ts. Activations become uint8,
 * weights int8, biases int32, between QuantizeLinear and DequantizeLinear ("QDQ"), which the runtime puts together to
 * operators that compute in integers. The method is that of Jacob et al., "Quantization and Training of Neural Networks
 * for Efficient Integer-Arithmetic-Only Inference" (2018). Subgraphs stay in float32.
 *
 * @param ranges of the tensors that {@link tensorsToObserve} names for the same model and options
 * @throws InfernodeError INF_QUANTIZED_ALREADY, INF_QUANTIZE_NOTHING, INF_CALIBRATION_INVALID, INF_CONVERSION_FAILED,
 * INF_OPTION_INVALID for an excluded node that does not exist
 */
export function quantizeStatic(
  model: ModelProto,
  ranges: ReadonlyMap<string, Range>,
  options: StaticOptions = {},
): QuantizationReport {
  const bytesBefore = weightBytes(model.graph);
  prepareForQuantization(model);
  const plan = new QdqPlan(model, options);
  const report = new ReportBuilder();
  for (const node of plan.quantizedNodes) report.quantized(operatorName(node));
  for (const [node, reason] of plan.leftNodes) report.left(operatorName(node), reason);
  for (const node of model.graph.node.flatMap(subgraphsOf).flatMap((graph) => [...allGraphs(graph)])) {
    for (const inner of node.node) report.left(operatorName(inner), 'it is in a subgraph');
  }
  if (plan.activations.size === 0) throw nothingToQuantize(report.reasons);
  new QdqWriter(plan, withKnownRanges(plan, ranges), options).apply();
  dropUnusedWeights(model.graph);
  const names = new Set(model.graph.node.flatMap(({ output }) => output));
  model.graph.valueInfo = model.graph.valueInfo.filter(({ name }) => names.has(name));
  return report.finish(bytesBefore, weightBytes(model.graph));
}

/**
 * The tensors whose ranges {@link quantizeStatic} needs. The model is prepared for it, in place.
 * @throws InfernodeError INF_QUANTIZED_ALREADY, INF_QUANTIZE_NOTHING, INF_CONVERSION_FAILED, INF_OPTION_INVALID
 */
export function tensorsToObserve(model: ModelProto, options: StaticOptions = {}): string[] {
  prepareForQuantization(model);
  const { observed, leftNodes } = new QdqPlan(model, options);
  if (observed.length > 0) return observed;
  const report = new ReportBuilder();
  for (const [node, reason] of leftNodes) report.left(operatorName(node), reason);
  throw nothingToQuantize(report.reasons);
}

/** Softmax gives 0 to 1 whatever the samples, and what a kept Relu or Clip takes needs only the range that it gives. */
function withKnownRanges(plan: QdqPlan, ranges: ReadonlyMap<string, Range>): Map<string, Range> {
  const known = new Map(ranges);
  for (const node of plan.quantizedNodes) {
    const [input, output] = [node.input[0]!, node.output[0]!];
    if (node.opType === 'Softmax' && ranges.has(output)) known.set(output, { min: 0, max: 1 });
    if (node.opType !== 'Relu' && node.opType !== 'Clip') continue;
    const after = ranges.get(output);
    if (after !== undefined && plan.isBetween(input) && known.has(input)) known.set(input, after);
  }
  return known;
}
