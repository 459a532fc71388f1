import { allGraphs } from './attributes.js';
import { cloneModel, type ModelProto } from './onnx-proto.js';
import { QdqPlan } from './qdq-plan.js';
import { quantizeDynamic } from './quantize-dynamic.js';
import { prepareForQuantization } from './quantizing-model.js';
import { operatorName } from './report.js';

/** A node that a conversion to int8 would quantize; `exclude` takes its name. */
export interface QuantizableNode {
  readonly name: string;
  readonly operator: string;
}

/**
 * The nodes of a model that `mode` would quantize, in the order of the graph. The model is prepared for it, in place, so
 * that its nodes have the names that are listed here.
 *
 * @throws InfernodeError INF_QUANTIZED_ALREADY, INF_CONVERSION_FAILED
 */
export function listQuantizable(model: ModelProto, mode: 'dynamic' | 'static'): QuantizableNode[] {
  prepareForQuantization(model);
  if (mode === 'static') {
    return [...new QdqPlan(model, {}).quantizedNodes].map((node) => ({
      name: node.name,
      operator: operatorName(node),
    }));
  }
  const quantized = cloneModel(model);
  quantizeDynamic(quantized);
  const left = new Set<string>();
  for (const { node } of allGraphs(quantized.graph)) for (const { name } of node) left.add(name);
  const nodes = [...allGraphs(model.graph)].flatMap(({ node }) => node);
  return nodes.filter(({ name }) => !left.has(name)).map((node) => ({ name: node.name, operator: operatorName(node) }));
}
