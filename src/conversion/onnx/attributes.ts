import { type Int64, toNumber } from '../../backends/onnx/onnx-schema.js';
import { ATTRIBUTE } from './element-type.js';
import { type AttributeProto, type GraphProto, makeAttribute, type NodeProto, type TensorProto } from './onnx-proto.js';

/** The attribute of a name; undefined if the node does not set it. */
export function attributeOf(node: NodeProto, name: string): AttributeProto | undefined {
  return node.attribute.find((attribute) => attribute.name === name);
}

/** An integer attribute, or what the operator takes it for where it is not set. */
export function intOf(node: NodeProto, name: string, standard: number): number {
  const found = attributeOf(node, name);
  return found === undefined ? standard : toNumber(found.i);
}

/** A float attribute, or what the operator takes it for where it is not set. */
export function floatOf(node: NodeProto, name: string, standard: number): number {
  return attributeOf(node, name)?.f ?? standard;
}

/** A string attribute, or what the operator takes it for where it is not set. */
export function stringOf(node: NodeProto, name: string, standard: string): string {
  const found = attributeOf(node, name);
  return found === undefined ? standard : Buffer.from(found.s).toString();
}

/** A list of integers; undefined if it is not set. */
export function intsOf(node: NodeProto, name: string): number[] | undefined {
  return attributeOf(node, name)?.ints.map(toNumber);
}

/** An integer attribute, ready for a node. */
export function intAttribute(name: string, i: Int64): AttributeProto {
  return makeAttribute({ name, i, type: ATTRIBUTE.int });
}

/** A string attribute, ready for a node. */
export function stringAttribute(name: string, text: string): AttributeProto {
  return makeAttribute({ name, s: Buffer.from(text), type: ATTRIBUTE.string });
}

/** A tensor attribute, ready for a node. */
export function tensorAttribute(name: string, t: TensorProto): AttributeProto {
  return makeAttribute({ name, t, type: ATTRIBUTE.tensor });
}

/** Takes an attribute off a node and returns it. */
export function removeAttribute(node: NodeProto, name: string): AttributeProto | undefined {
  const index = node.attribute.findIndex((attribute) => attribute.name === name);
  return index < 0 ? undefined : node.attribute.splice(index, 1)[0];
}

/** The graphs that a node holds: branches of If, bodies of Loop and Scan. */
export function subgraphsOf(node: NodeProto): GraphProto[] {
  const graphs: GraphProto[] = [];
  for (const { g, graphs: list } of node.attribute) {
    if (g != null) graphs.push(g);
    graphs.push(...list);
  }
  return graphs;
}

/** A graph and all graphs inside it, outermost first. */
export function* allGraphs(graph: GraphProto): Generator<GraphProto> {
  yield graph;
  for (const node of graph.node) for (const inner of subgraphsOf(node)) yield* allGraphs(inner);
}

/** Whether an operator belongs to the format itself, not to a vendor. */
export function isStandard(node: NodeProto): boolean {
  return node.domain === '' || node.domain === 'ai.onnx';
}
