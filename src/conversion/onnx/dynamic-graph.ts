import { ELEMENT } from './element-type.js';
import type { GraphScope, Names } from './graph-scope.js';
import { makeNode, type NodeProto, type TensorProto } from './onnx-proto.js';
import { type QuantizedWeights, quantizeInt8, quantizeUint8 } from './quantize-weights.js';
import { dimsOf, floatsOf, tensorOf } from './tensor-values.js';

/** Why a node stays in float32 whose weights are not in the file. */
export const COMPUTED = 'its weights are computed';

/** Names of a value in 8 bits, of its scale and of its zero point. */
export interface QuantizedName {
  readonly value: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

/** How the weights of an operator are laid out once they are quantized. */
export interface WeightForm {
  /** Tells forms apart that one weight may be needed in. */
  readonly key: string;
  /** The weights in 8 bits, and their sizes. */
  readonly make: (name: string, values: Float32Array, dims: number[]) => QuantizedWeights & { readonly dims: number[] };
  /** The shape of the scales, where it is not a list of them; `dims` are the sizes of the quantized weights. */
  readonly scaleShape?: (scales: Float32Array, dims: readonly number[]) => number[];
  /** Where each scale needs a zero point of its own. */
  readonly zeroPoints?: boolean;
}

/** One graph, or subgraph, while its operators are quantized. */
export class DynamicGraph {
  readonly scope: GraphScope;
  readonly names: Names;
  readonly perChannel: boolean;
  readonly reduceRange: boolean;
  /** The graph's nodes so far. */
  readonly nodes: NodeProto[] = [];
  /** Values that are there in 8 bits already. */
  readonly quantized = new Map<string, QuantizedName>();
  /** Weights, by the tensor and the form; shared with the graphs around. */
  readonly #weights: Map<TensorProto, Map<string, QuantizedName>>;

  constructor(
    scope: GraphScope,
    names: Names,
    options: { readonly perChannel: boolean; readonly reduceRange: boolean },
    outer?: DynamicGraph,
  ) {
    this.scope = scope;
    this.names = names;
    this.perChannel = options.perChannel;
    this.reduceRange = options.reduceRange;
    this.#weights = outer === undefined ? new Map() : outer.#weights;
  }

  add(operator: string, input: string[], output: string, like?: NodeProto): string {
    const name = this.names.take(like === undefined ? `${output}_node` : `${like.name}_quant`);
    this.nodes.push(makeNode(operator, input, [output], { name, attribute: like?.attribute ?? [] }));
    return output;
  }

  /** A value in 8 bits, quantized by the range that it has in each call. */
  input(name: string): QuantizedName {
    const known = this.quantized.get(name);
    if (known !== undefined) return known;
    const quantized: QuantizedName = {
      value: this.names.take(`${name}_quantized`),
      scale: this.names.take(`${name}_scale`),
      zeroPoint: this.names.take(`${name}_zero_point`),
    };
    const outputs = [quantized.value, quantized.scale, quantized.zeroPoint];
    this.nodes.push(
      makeNode('DynamicQuantizeLinear', [name], outputs, { name: this.names.take(`${quantized.value}_node`) }),
    );
    this.quantized.set(name, quantized);
    return quantized;
  }

  /** The float32 weight of a name; undefined for anything else. */
  floatWeight(name: string | undefined): TensorProto | undefined {
    const tensor = this.scope.weight(name ?? '')?.tensor;
    return tensor?.dataType === ELEMENT.float32 ? tensor : undefined;
  }

  /** A float32 weight in 8 bits, in the graph that holds it. */
  weight(name: string, form: WeightForm): QuantizedName {
    const { tensor, scope } = this.scope.weight(name)!;
    const forms = this.#weights.get(tensor) ?? new Map<string, QuantizedName>();
    this.#weights.set(tensor, forms);
    const known = forms.get(form.key);
    if (known !== undefined) return known;
    const made = form.make(name, floatsOf(tensor)!, dimsOf(tensor));
    const type = made.data instanceof Int8Array ? ELEMENT.int8 : ELEMENT.uint8;
    const shape = form.scaleShape?.(made.scales, made.dims) ?? (made.axis === null ? [] : [made.scales.length]);
    const count = form.zeroPoints ? made.scales.length : 1;
    const zeroData = (type === ELEMENT.int8 ? new Int8Array(count) : new Uint8Array(count)).fill(made.zeroPoint);
    const take = (suffix: string) => this.names.take(`${name}_${suffix}`);
    const result: QuantizedName = {
      value: scope.addWeight(tensorOf(take('quantized'), type, made.dims, made.data)).name,
      scale: scope.addWeight(tensorOf(take('scale'), ELEMENT.float32, shape, made.scales)).name,
      zeroPoint: scope.addWeight(tensorOf(take('zero_point'), type, form.zeroPoints ? shape : [], zeroData)).name,
    };
    forms.set(form.key, result);
    return result;
  }

  /** int8, symmetric, with a scale for each index of an axis if that is wanted. */
  int8(axis: number | null, turn?: (values: Float32Array, dims: number[]) => [Float32Array, number[]]): WeightForm {
    const channels = this.perChannel ? axis : null;
    return {
      key: `int8 ${channels} ${turn === undefined ? '' : turn.name}`,
      make: (name, values, dims) => {
        const [turned, sizes] = turn?.(values, dims) ?? [values, dims];
        return { ...quantizeInt8(name, turned, sizes, channels, this.reduceRange), dims: sizes };
      },
    };
  }

  /** uint8 with one scale, for tables that rows are taken from. */
  readonly table: WeightForm = {
    key: 'uint8',
    make: (name, values, dims) => ({ ...quantizeUint8(name, values), dims }),
  };
}
