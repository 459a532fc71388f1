import { allGraphs, intsOf, isStandard } from './attributes.js';
import { ELEMENT } from './element-type.js';
import { dropUnusedWeights, GraphScope, Names } from './graph-scope.js';
import type { AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto } from './onnx-proto.js';
import { dimsOf, floatsOf, int64List, tensorOf } from './tensor-values.js';

/** The first IR version whose weights need not be inputs as well. */
const WEIGHTS_ALONE = 4;

/**
 * Brings a model into a form in which weights are found by their names, in place: Constant nodes become initializers,
 * Identity and Transpose of weights are carried out, weights are no inputs any more, and every node has a name.
 *
 * A weight that is an input too could be replaced in each call, so that nothing could be made of its value.
 */
export function prepareModel(model: ModelProto): void {
  const names = new Names(model.graph);
  for (const graph of allGraphs(model.graph)) {
    const weights = new Set(graph.initializer.map(({ name }) => name));
    graph.input = graph.input.filter(({ name }) => !weights.has(name));
    takeConstants(graph);
    for (const node of graph.node) if (node.name === '') node.name = names.take(node.opType);
  }
  uniqueNames(model.graph);
  if (Number(model.irVersion) < WEIGHTS_ALONE) model.irVersion = WEIGHTS_ALONE;
  foldGraph(new GraphScope(model.graph), names);
  dropUnusedWeights(model.graph);
}

function takeConstants(graph: GraphProto): void {
  graph.node = graph.node.filter((node) => {
    if (node.opType !== 'Constant' || !isStandard(node)) return true;
    const tensor = constantTensor(node.output[0]!, node.attribute[0]);
    if (tensor === undefined) return true;
    graph.initializer.push(tensor);
    return false;
  });
}

/** Undefined for kinds that are no dense tensor of numbers. */
function constantTensor(name: string, attribute: AttributeProto | undefined): TensorProto | undefined {
  switch (attribute?.name) {
    case 'value':
      return attribute.t == null ? undefined : Object.assign(attribute.t, { name });
    case 'value_float':
      return tensorOf(name, ELEMENT.float32, [], Float32Array.of(attribute.f));
    case 'value_floats':
      return tensorOf(name, ELEMENT.float32, [attribute.floats.length], Float32Array.from(attribute.floats));
    case 'value_int':
      return Object.assign(int64List(name, [attribute.i]), { dims: [] });
    case 'value_ints':
      return int64List(name, attribute.ints);
    default:
      return undefined;
  }
}

/** Nodes are told apart by name: callers exclude them so. */
function uniqueNames(root: GraphProto): void {
  const seen = new Set<string>();
  const names = new Names(root);
  for (const { node } of allGraphs(root)) {
    for (const each of node) {
      if (seen.has(each.name)) each.name = names.take(each.name);
      seen.add(each.name);
    }
  }
}

/** Only what the graph's own weights need; the runtime folds the rest. */
function foldGraph(scope: GraphScope, names: Names): void {
  const { graph } = scope;
  const renamed = new Map<string, string>();
  const outputs = new Set(graph.output.map(({ name }) => name));
  graph.node = graph.node.filter((node) => {
    for (const [index, name] of node.input.entries()) node.input[index] = renamed.get(name) ?? name;
    const to = node.output[0]!;
    const weight = scope.weight(node.input[0] ?? '')?.tensor;
    if (weight === undefined || outputs.has(to) || !isStandard(node)) return true;
    if (node.opType === 'Identity') renamed.set(to, weight.name);
    else if (node.opType === 'Transpose') {
      const turned = transposed(names.take(`${weight.name}_transposed`), weight, intsOf(node, 'perm'));
      if (turned === undefined) return true;
      renamed.set(to, scope.addWeight(turned).name);
    } else return true;
    return false;
  });
  for (const inner of graph.node.flatMap(graphsIn)) {
    for (const { node } of allGraphs(inner)) {
      for (const each of node) each.input = each.input.map((name) => renamed.get(name) ?? name);
    }
    foldGraph(new GraphScope(inner, scope), names);
  }
}

function graphsIn(node: NodeProto): GraphProto[] {
  return node.attribute.flatMap(({ g, graphs }) => (g == null ? graphs : [g, ...graphs]));
}

/** A float32 weight with its axes in another order; undefined for other types. */
export function transposed(name: string, weight: TensorProto, order?: readonly number[]): TensorProto | undefined {
  const values = weight.dataType === ELEMENT.float32 ? floatsOf(weight) : undefined;
  if (values === undefined) return undefined;
  const dims = dimsOf(weight);
  const perm = order ?? dims.map((_, axis) => dims.length - 1 - axis);
  const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, dim) => product * dim, 1));
  const target = perm.map((axis) => dims[axis]!);
  const data = new Float32Array(values.length);
  const index = target.map(() => 0);
  let from = 0;
  for (let i = 0; i < data.length; i++) {
    data[i] = values[from]!;
    // Counts up in the target's order, and moves along in the source by its strides.
    for (let axis = target.length - 1; axis >= 0; axis--) {
      const stride = strides[perm[axis]!]!;
      from += stride;
      if (++index[axis]! < target[axis]!) break;
      from -= stride * target[axis]!;
      index[axis] = 0;
    }
  }
  return tensorOf(name, ELEMENT.float32, target, data);
}
