import { intAttribute, tensorAttribute } from './attributes.js';
import { ELEMENT } from './element-type.js';
import { type GraphScope, Names } from './graph-scope.js';
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  makeNode,
  makeTensor,
  type NodeProto,
  type TensorProto,
} from './onnx-proto.js';
import { tensorOf } from './tensor-values.js';
import type { ValueTypes } from './value-types.js';

/**
 * The names of a model's values in both forms. A value keeps its name in float16, except inputs and outputs that stay
 * float32: those keep it in float32.
 */
export class Float16Names {
  /** Weights that something takes in float16. */
  readonly half = new Set<TensorProto>();
  readonly #names: Names;
  /** Values that keep their name in float32, with the name of their float16 form. */
  readonly #kept = new Map<string, string>();
  readonly #keptInputs: string[] = [];
  readonly #outputs: Set<string>;
  readonly #renamed = new Set<string>();

  constructor(model: ModelProto, keepIo: boolean) {
    const { graph } = model;
    this.#names = new Names(graph);
    this.#outputs = new Set(keepIo ? graph.output.map(({ name }) => name) : []);
    if (!keepIo) return;
    const weights = new Map(graph.initializer.map((tensor) => [tensor.name, tensor.dataType]));
    for (const { name, type } of graph.input) {
      if (type?.tensorType?.elemType === ELEMENT.float32) this.#keep(name, true);
    }
    for (const { name, type } of graph.output) {
      const isFloat = (weights.get(name) ?? type?.tensorType?.elemType) === ELEMENT.float32;
      // A weight that is given out as it is is like an input.
      if (isFloat && !this.#kept.has(name)) this.#keep(name, weights.has(name));
    }
  }

  #keep(name: string, given: boolean): void {
    this.#kept.set(name, this.#names.take(`${name}_float16`));
    if (given) this.#keptInputs.push(name);
  }

  /** Whether a value of this name is float32 in the converted model. */
  isRenamed(name: string): boolean {
    return this.#kept.has(name) || this.#renamed.has(name);
  }

  /** The casts of one graph. */
  enter(graph: GraphProto, types: ValueTypes, scope: GraphScope): GraphCasts {
    return new GraphCasts(this, graph, types, scope);
  }

  halfOf(name: string): string {
    return this.#kept.get(name) ?? name;
  }

  isKept(name: string): boolean {
    return this.#kept.has(name);
  }

  isOutput(name: string): boolean {
    return this.#outputs.has(name) && !this.#keptInputs.includes(name);
  }

  take(name: string): string {
    return this.#names.take(name);
  }

  cast(from: string, to: string, type: number): NodeProto {
    const name = this.#names.take(`${to}_cast`);
    return makeNode('Cast', [from], [to], { name, attribute: [intAttribute('to', type)] });
  }

  /** The Casts behind inputs. */
  inputCasts(): NodeProto[] {
    return this.#keptInputs.map((name) => this.cast(name, this.halfOf(name), ELEMENT.float16));
  }

  /** What ConstantOfShape takes for its value if it has none, in float16. */
  zero(): AttributeProto {
    return tensorAttribute('value', tensorOf('', ELEMENT.float16, [1], Uint16Array.of(0)));
  }
}

/** Renames inputs and outputs of the nodes of a graph, and makes the Casts between the two forms. */
export class GraphCasts {
  readonly #all: Float16Names;
  readonly #graph: GraphProto;
  readonly #types: ValueTypes;
  readonly #scope: GraphScope;
  /** Names of float32 forms that are there already, by the float16 name. */
  readonly #floats = new Map<string, string>();

  constructor(all: Float16Names, graph: GraphProto, types: ValueTypes, scope: GraphScope) {
    this.#all = all;
    this.#graph = graph;
    this.#types = types;
    this.#scope = scope;
  }

  inputs(): NodeProto[] {
    return this.#all.inputCasts();
  }

  /** The name of a value's float16 form, which is taken from here on. */
  use(name: string): string {
    const weight = this.#scope.weight(name)?.tensor;
    if (weight?.dataType === ELEMENT.float32 && !this.#all.isKept(name)) this.#all.half.add(weight);
    return this.#all.halfOf(name);
  }

  /** Whether something takes a weight in float16. */
  isHalf(tensor: TensorProto): boolean {
    return this.#all.half.has(tensor);
  }

  /** A node that computes in float16 from here on, with what must stand around it. */
  convert(node: NodeProto, staysFloat: (index: number) => boolean): NodeProto[] {
    const before: NodeProto[] = [];
    node.input = node.input.map((name, index) => {
      if (this.#types.get(name) !== ELEMENT.float32) return name;
      if (staysFloat(index)) return this.#asFloat(name, before);
      return this.use(name);
    });
    const after: NodeProto[] = [];
    node.output = node.output.map((name) => {
      if (this.#types.get(name) !== ELEMENT.float32 || !this.#all.isOutput(name)) return name;
      after.push(this.#all.cast(this.#all.halfOf(name), name, ELEMENT.float32));
      return this.#all.halfOf(name);
    });
    return [...before, node, ...after];
  }

  /** A node that stays in float32, with the Casts around it. */
  keep(node: NodeProto): NodeProto[] {
    const before: NodeProto[] = [];
    node.input = node.input.map((name) =>
      this.#types.get(name) === ELEMENT.float32 ? this.#asFloat(name, before) : name,
    );
    const after: NodeProto[] = [];
    node.output = node.output.map((name) => {
      if (this.#types.get(name) !== ELEMENT.float32) return name;
      const half = this.#all.halfOf(name);
      const float = this.#all.isKept(name) ? name : this.#all.take(`${name}_float32`);
      this.#floats.set(name, float);
      after.push(this.#all.cast(float, half, ELEMENT.float16));
      return float;
    });
    return [...before, node, ...after];
  }

  #asFloat(name: string, before: NodeProto[]): string {
    if (this.#all.isKept(name)) return name;
    const known = this.#floats.get(name);
    if (known !== undefined) return known;
    const float = this.#all.take(`${name}_float32`);
    this.#floats.set(name, float);
    const weight = this.#scope.weight(name);
    if (weight === undefined) before.push(this.#all.cast(this.#all.halfOf(name), float, ELEMENT.float32));
    // The bytes are shared until one of the two is converted, which makes new ones.
    else this.#graph.initializer.push(makeTensor({ ...weight.tensor, name: float }));
    return float;
  }
}
