import { allGraphs } from './attributes.js';
import type { GraphProto, NodeProto, TensorProto } from './onnx-proto.js';

/** Hands out names that no value and no node of a model has. */
export class Names {
  readonly #taken = new Set<string>();

  constructor(graph: GraphProto) {
    for (const { node, initializer, sparseInitializer, input, output } of allGraphs(graph)) {
      for (const each of [...initializer, ...input, ...output]) this.#taken.add(each.name);
      for (const { values } of sparseInitializer) this.#taken.add(values?.name ?? '');
      for (const each of node) for (const name of [each.name, ...each.input, ...each.output]) this.#taken.add(name);
    }
  }

  /** `wanted`, with a number behind it if something has that name already. */
  take(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#taken.has(name); i++) name = `${wanted}_${i}`;
    this.#taken.add(name);
    return name;
  }
}

/** A graph with what is looked up in it. Names of a subgraph's outer graphs are visible in it. */
export class GraphScope {
  readonly graph: GraphProto;
  readonly outer: GraphScope | undefined;
  readonly #initializers = new Map<string, TensorProto>();
  /** Everything that the graph itself defines: a name of an outer graph may be defined again. */
  readonly #defined = new Set<string>();

  constructor(graph: GraphProto, outer?: GraphScope) {
    this.graph = graph;
    this.outer = outer;
    for (const tensor of graph.initializer) this.#initializers.set(tensor.name, tensor);
    for (const { name } of graph.input) this.#defined.add(name);
    for (const node of graph.node) for (const name of node.output) this.#defined.add(name);
  }

  /** The weight of a name, and the graph that holds it. */
  weight(name: string): { readonly tensor: TensorProto; readonly scope: GraphScope } | undefined {
    const tensor = this.#initializers.get(name);
    if (tensor !== undefined) return { tensor, scope: this };
    return this.#defined.has(name) ? undefined : this.outer?.weight(name);
  }

  addWeight(tensor: TensorProto): TensorProto {
    this.graph.initializer.push(tensor);
    this.#initializers.set(tensor.name, tensor);
    return tensor;
  }
}

/** Every name that a graph uses: inputs of its nodes and of the graphs inside them, and its outputs. */
export function usedNames(graph: GraphProto): Set<string> {
  const used = new Set<string>();
  for (const { node, output } of allGraphs(graph)) {
    for (const each of node) for (const name of each.input) used.add(name);
    for (const { name } of output) used.add(name);
  }
  return used;
}

/** Drops weights that nothing uses any more. */
export function dropUnusedWeights(graph: GraphProto): void {
  const used = usedNames(graph);
  for (const each of allGraphs(graph)) {
    each.initializer = each.initializer.filter(({ name }) => used.has(name));
  }
}

/** The nodes that take each value, those in subgraphs included. */
export function consumersOf(graph: GraphProto): Map<string, NodeProto[]> {
  const consumers = new Map<string, NodeProto[]>();
  for (const { node } of allGraphs(graph)) {
    for (const each of node) {
      for (const name of new Set(each.input)) {
        const list = consumers.get(name);
        if (list === undefined) consumers.set(name, [each]);
        else list.push(each);
      }
    }
  }
  return consumers;
}

/** Bytes of the weights of a graph and of the graphs inside it. */
export function weightBytes(graph: GraphProto): number {
  let bytes = 0;
  for (const { initializer, node } of allGraphs(graph)) {
    const constants = node.flatMap(({ attribute }) => attribute.flatMap(({ t }) => (t == null ? [] : [t])));
    for (const { rawData, floatData } of [...initializer, ...constants]) {
      bytes += (rawData?.length ?? 0) + floatData.length * Float32Array.BYTES_PER_ELEMENT;
    }
  }
  return bytes;
}
