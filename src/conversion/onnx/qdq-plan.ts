import { InfernodeError } from '../../errors.js';
import { ELEMENT } from './element-type.js';
import { consumersOf, GraphScope } from './graph-scope.js';
import type { ModelProto, NodeProto } from './onnx-proto.js';
import { planNode } from './qdq-rules.js';
import { inferTypes, type ValueTypes } from './value-types.js';

/** What to quantize statically. */
export interface StaticOptions {
  /** Names of nodes that stay in float32. */
  readonly exclude?: readonly string[];
  /** A scale for each output channel of a weight, as against one for all. True unless said otherwise. */
  readonly perChannel?: boolean;
  /** Weights in 7 bits, for x86 without VNNI. */
  readonly reduceRange?: boolean;
}

/** An input of a node that takes a weight. */
export interface WeightUse {
  readonly node: NodeProto;
  readonly index: number;
  /** How the weight is quantized: as int8, symmetric, or as uint8 like an activation. */
  readonly as: 'weight' | 'activation';
  /** The axis that has a scale for each index; null for one scale. */
  readonly axis: number | null;
}

/** The bias of a node whose input and weight are quantized, as int32 of the product of their scales. */
export interface BiasUse {
  readonly node: NodeProto;
  readonly index: number;
}

/** What becomes of each value of a graph; made by the rules in qdq-rules.ts, node by node. */
export class QdqPlan {
  readonly model: ModelProto;
  readonly scope: GraphScope;
  readonly perChannel: boolean;
  /** Computed values to quantize; the value of each is another one whose scale it has, or null for one of its own. */
  readonly activations = new Map<string, string | null>();
  readonly weights: WeightUse[] = [];
  readonly biases: BiasUse[] = [];
  /** Relu and Clip that the quantization before them does as well. */
  readonly dropped = new Set<NodeProto>();
  readonly quantizedNodes = new Set<NodeProto>();
  /** Why the others were left. */
  readonly leftNodes = new Map<NodeProto, string>();
  readonly #types: ValueTypes;
  readonly #consumers: Map<string, NodeProto[]>;
  readonly #outputs: Set<string>;
  readonly #inputs: Set<string>;

  /** Of a prepared model: see quantizing-model.ts. Nothing is changed. */
  constructor(model: ModelProto, { exclude = [], perChannel = true }: StaticOptions) {
    this.model = model;
    this.perChannel = perChannel;
    this.scope = new GraphScope(model.graph);
    this.#types = inferTypes(model);
    this.#consumers = consumersOf(model.graph);
    this.#outputs = new Set(model.graph.output.map(({ name }) => name));
    this.#inputs = new Set(model.graph.input.map(({ name }) => name));
    const excluded = new Set(exclude);
    checkExcluded(model, excluded);
    for (const node of model.graph.node) {
      const reason = excluded.has(node.name) ? 'excluded' : planNode(node, this);
      if (reason === null) this.quantizedNodes.add(node);
      else this.leftNodes.set(node, reason);
    }
  }

  /** Whether a value is a float32 that is computed. */
  isActivation(name: string | undefined): name is string {
    return name !== undefined && name !== '' && this.#types.get(name) === ELEMENT.float32 && !this.isWeight(name);
  }

  /** Whether a value is a float32 that the file holds. */
  isWeight(name: string | undefined): name is string {
    return name !== undefined && this.scope.weight(name)?.tensor.dataType === ELEMENT.float32;
  }

  isQuantized(name: string | undefined): boolean {
    return name !== undefined && this.activations.has(name);
  }

  /** Marks an input: a computed value, or a constant that stands for one. False if it is no float32. */
  input(node: NodeProto, index: number): boolean {
    const name = node.input[index];
    if (this.isWeight(name)) this.weights.push({ node, index, as: 'activation', axis: null });
    else if (this.isActivation(name)) this.value(name);
    else return false;
    return true;
  }

  /** Marks all outputs that are float32. */
  outputs(node: NodeProto): void {
    for (const name of node.output) if (this.isActivation(name)) this.value(name);
  }

  value(name: string): void {
    // An input that is an output as well has no node before it to rename.
    if (this.#inputs.has(name) && this.#outputs.has(name)) return;
    if (!this.activations.has(name)) this.activations.set(name, null);
  }

  /** Gives an output the scale of an input: the operator only moves values. */
  same(output: string, input: string): void {
    if (this.isActivation(output) && this.rootOf(input) !== output) this.activations.set(output, input);
  }

  /** The value whose scale a value has. */
  rootOf(name: string): string {
    let root = name;
    for (let next = this.activations.get(root); next != null; next = this.activations.get(root)) root = next;
    return root;
  }

  /** Whether nothing but one node sees what another gives it. */
  isBetween(name: string): boolean {
    return this.#consumers.get(name)?.length === 1 && !this.#outputs.has(name) && !this.#inputs.has(name);
  }

  /** Values whose ranges must be known. */
  get observed(): string[] {
    const roots = new Set([...this.activations.keys()].map((name) => this.rootOf(name)));
    return [...roots].filter((name) => this.isActivation(name));
  }
}

function checkExcluded(model: ModelProto, excluded: ReadonlySet<string>): void {
  const names = new Set(model.graph.node.map(({ name }) => name));
  const unknown = [...excluded].find((name) => !names.has(name));
  if (unknown === undefined) return;
  throw new InfernodeError('INF_OPTION_INVALID', `exclude: the model has no node ${JSON.stringify(unknown)}`, {
    details: { name: 'exclude', expected: 'names of nodes', given: unknown },
  });
}

/** The error for a plan that quantizes nothing. */
export function nothingToQuantize(reasons: string): InfernodeError {
  const message = `Nothing in the model can be quantized (${reasons || 'it has no nodes'})`;
  return new InfernodeError('INF_QUANTIZE_NOTHING', message, {
    details: { expected: 'operators with float32 weights', given: reasons },
  });
}
