import { InfernodeError } from '../../errors.js';
import { attributeOf, intOf, isStandard, removeAttribute, stringAttribute } from './attributes.js';
import { ELEMENT } from './element-type.js';
import { GraphScope, Names } from './graph-scope.js';
import { type GraphProto, type ModelProto, makeNode, type NodeProto } from './onnx-proto.js';
import { floatScalar, int64List, tensorOf } from './tensor-values.js';
import { opsetOf } from './value-types.js';

/** The first opset whose QuantizeLinear has an axis; the same for both ways of quantizing. */
export const QUANTIZING_OPSET = 13;

/** The runtime runs nothing older. */
const OLDEST = 7;

/** What an upgrade needs of the graph around a node. */
interface Place {
  readonly scope: GraphScope;
  readonly names: Names;
  readonly opset: number;
}

/** Gives the nodes that do in opset 13 what one did; null where there are none. */
type Upgrade = (node: NodeProto, place: Place) => NodeProto[] | null;

/**
 * What changed incompatibly between opset 7 and 13, by operator, after the change logs of onnx/defs. Of operators that
 * are not here, later versions took more types or had further attributes only.
 */
const UPGRADES: Readonly<Record<string, { readonly since: number; readonly upgrade: Upgrade }>> = {
  BatchNormalization: { since: 9, upgrade: dropSpatial },
  Slice: { since: 10, upgrade: (node, place) => moveLists(node, place, ['starts', 'ends', 'axes']) },
  TopK: { since: 10, upgrade: moveK },
  Clip: { since: 11, upgrade: (node, place) => moveFloats(node, place, ['min', 'max']) },
  Pad: { since: 11, upgrade: movePads },
  Dropout: { since: 12, upgrade: dropRatio },
  ReduceSum: { since: 13, upgrade: (node, place) => moveLists(node, place, ['axes']) },
  Split: { since: 13, upgrade: (node, place) => moveLists(node, place, ['split']) },
  Squeeze: { since: 13, upgrade: (node, place) => moveLists(node, place, ['axes']) },
  Unsqueeze: { since: 13, upgrade: (node, place) => moveLists(node, place, ['axes']) },
  Softmax: { since: 13, upgrade: flattenSoftmax },
  LogSoftmax: { since: 13, upgrade: flattenSoftmax },
  Hardmax: { since: 13, upgrade: flattenSoftmax },
  Resize: { since: 11, upgrade: toResize },
  Scan: { since: 9, upgrade: () => null },
  Upsample: { since: 10, upgrade: toResize },
};

/**
 * Brings a model to opset 13, in place; newer ones are left as they are.
 * @throws InfernodeError INF_CONVERSION_FAILED for an operator that cannot be brought there by itself
 */
export function upgradeOpset(model: ModelProto): void {
  const opset = opsetOf(model);
  if (opset >= QUANTIZING_OPSET) return;
  if (opset < OLDEST) throw refusal(`opset ${opset}`, opset);
  upgradeGraph(model.graph, { names: new Names(model.graph), opset }, undefined);
  for (const entry of model.opsetImport) {
    if (entry.domain === '' || entry.domain === 'ai.onnx') entry.version = QUANTIZING_OPSET;
  }
}

function upgradeGraph(graph: GraphProto, rest: Omit<Place, 'scope'>, outer: GraphScope | undefined): void {
  const place = { ...rest, scope: new GraphScope(graph, outer) };
  graph.node = graph.node.flatMap((node) => {
    for (const { g, graphs } of node.attribute) {
      for (const inner of g == null ? graphs : [g, ...graphs]) upgradeGraph(inner, rest, place.scope);
    }
    const row = isStandard(node) && Object.hasOwn(UPGRADES, node.opType) ? UPGRADES[node.opType] : undefined;
    if (row === undefined || rest.opset >= row.since) return [node];
    const nodes = row.upgrade(node, place);
    if (nodes === null) throw refusal(`${node.opType} "${node.name}" of opset ${rest.opset}`, rest.opset);
    return nodes;
  });
}

function refusal(what: string, given: number): InfernodeError {
  const message = `Quantization needs opset ${QUANTIZING_OPSET}, and ${what} cannot be brought there; export the model with opset ${QUANTIZING_OPSET} or newer`;
  return new InfernodeError('INF_CONVERSION_FAILED', message, {
    details: { expected: `opset ${QUANTIZING_OPSET}`, given: `opset ${given}` },
  });
}

function moveLists(node: NodeProto, { scope, names }: Place, keys: readonly string[]): NodeProto[] {
  for (const [index, key] of keys.entries()) {
    const found = removeAttribute(node, key);
    if (found === undefined) continue;
    setInput(node, index + 1, scope.addWeight(int64List(names.take(`${node.name}_${key}`), found.ints)).name);
  }
  return [node];
}

function moveFloats(node: NodeProto, { scope, names }: Place, keys: readonly string[]): NodeProto[] {
  for (const [index, key] of keys.entries()) {
    const found = removeAttribute(node, key);
    if (found === undefined) continue;
    setInput(node, index + 1, scope.addWeight(floatScalar(names.take(`${node.name}_${key}`), found.f)).name);
  }
  return [node];
}

function movePads(node: NodeProto, place: Place): NodeProto[] {
  moveLists(node, place, ['pads']);
  const value = removeAttribute(node, 'value')?.f ?? 0;
  if (value !== 0) {
    setInput(node, 2, place.scope.addWeight(floatScalar(place.names.take(`${node.name}_value`), value)).name);
  }
  return [node];
}

function moveK(node: NodeProto, { scope, names }: Place): NodeProto[] {
  const k = Number(removeAttribute(node, 'k')?.i ?? 1);
  setInput(node, 1, scope.addWeight(int64List(names.take(`${node.name}_k`), [k])).name);
  return [node];
}

/** Both saw a pixel as its upper left corner: `asymmetric` and `floor` of what Resize can do since 11. */
function toResize(node: NodeProto, { scope, names }: Place): NodeProto[] {
  const scales = removeAttribute(node, 'scales')?.floats;
  const name =
    scales === undefined
      ? node.input[1]!
      : scope.addWeight(
          tensorOf(names.take(`${node.name}_scales`), ELEMENT.float32, [scales.length], Float32Array.from(scales)),
        ).name;
  node.opType = 'Resize';
  node.input = [node.input[0]!, '', name];
  node.attribute.push(stringAttribute('coordinate_transformation_mode', 'asymmetric'));
  node.attribute.push(stringAttribute('nearest_mode', 'floor'));
  return [node];
}

/** Not spatial means a mean for each element, which no later version has. */
function dropSpatial(node: NodeProto): NodeProto[] | null {
  if (intOf(node, 'spatial', 1) !== 1) return null;
  removeAttribute(node, 'spatial');
  return [node];
}

/** Nothing is dropped in inference, whatever the ratio. */
function dropRatio(node: NodeProto): NodeProto[] {
  removeAttribute(node, 'ratio');
  return [node];
}

/** Before 13, the axes from `axis` on were taken together: the tensor is seen as a matrix and turned back afterwards. */
function flattenSoftmax(node: NodeProto, { names }: Place): NodeProto[] {
  const [input, output] = [node.input[0]!, node.output[0]!];
  const shape = names.take(`${node.name}_shape`);
  const flat = names.take(`${node.name}_flat`);
  const answer = names.take(`${node.name}_rows`);
  const flatten = makeNode('Flatten', [input], [flat], { name: names.take(`${node.name}_flatten`) });
  const attribute = attributeOf(node, 'axis');
  if (attribute !== undefined) flatten.attribute.push(attribute);
  removeAttribute(node, 'axis');
  node.input = [flat];
  node.output = [answer];
  return [
    makeNode('Shape', [input], [shape], { name: names.take(`${node.name}_sizes`) }),
    flatten,
    node,
    makeNode('Reshape', [answer, shape], [output], { name: names.take(`${node.name}_reshape`) }),
  ];
}

/** Inputs that are left out in between are empty names. */
function setInput(node: NodeProto, index: number, name: string): void {
  while (node.input.length < index) node.input.push('');
  node.input[index] = name;
}
