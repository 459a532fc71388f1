import { InfernodeError } from '../../errors.js';
import { intAttribute } from './attributes.js';
import { ELEMENT } from './element-type.js';
import { Names } from './graph-scope.js';
import { makeNode, type NodeProto } from './onnx-proto.js';
import { quantizeBias, raisedScales } from './qdq-bias.js';
import type { QdqPlan, StaticOptions, WeightUse } from './qdq-plan.js';
import { asymmetric, type ScaleAndZero, UINT8 } from './quantize-values.js';
import { channelBounds, type QuantizedWeights, quantizeUint8, toInt8, weightScales } from './quantize-weights.js';
import { dimsOf, floatScalar, floatsOf, tensorOf } from './tensor-values.js';

/** Lowest and highest value of a tensor, as calibration saw it. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Names of the scale and the zero point of a quantized value. */
interface Parameters extends ScaleAndZero {
  readonly inputs: readonly [scale: string, zeroPoint: string];
}

/** Puts QuantizeLinear and DequantizeLinear into a graph, after a plan. */
export class QdqWriter {
  readonly #plan: QdqPlan;
  readonly #ranges: ReadonlyMap<string, Range>;
  readonly #reduceRange: boolean;
  readonly #names: Names;
  readonly #parameters = new Map<string, Parameters>();
  /** Nodes to stand before all others: they take weights only. */
  readonly #first: NodeProto[] = [];
  readonly #weights = new Map<string, { readonly output: string; readonly quantized: QuantizedWeights }>();

  constructor(plan: QdqPlan, ranges: ReadonlyMap<string, Range>, { reduceRange = false }: StaticOptions) {
    this.#plan = plan;
    this.#ranges = ranges;
    this.#reduceRange = reduceRange;
    this.#names = new Names(plan.model.graph);
  }

  /** @throws InfernodeError INF_CALIBRATION_INVALID, INF_CONVERSION_FAILED */
  apply(): void {
    const { graph } = this.#plan.model;
    this.#dropActivations();
    // Biases look at the weights of their nodes, which are named after them from here on.
    const floatInputs = new Map(graph.node.map((node) => [node, [...node.input]]));
    const raised = raisedScales(this.#plan, (name) => this.#parametersOf(name).scale, this.#reduceRange);
    for (const use of this.#plan.weights) this.#writeWeight(use, raised.get(use));
    for (const { node, index } of this.#plan.biases) this.#writeBias(node, index, floatInputs.get(node)!);
    this.#writeActivations();
    graph.node.unshift(...this.#first);
  }

  #dropActivations(): void {
    const { model, dropped } = this.#plan;
    const renamed = new Map([...dropped].map((node) => [node.input[0]!, node.output[0]!]));
    model.graph.node = model.graph.node.filter((node) => !dropped.has(node));
    // Relu after Relu: the name moves on until there is none behind it.
    const final = (name: string): string => {
      const next = renamed.get(name);
      return next === undefined ? name : final(next);
    };
    for (const node of model.graph.node) node.output = node.output.map(final);
  }

  #writeWeight(use: WeightUse, scales: Float32Array | undefined): void {
    const { node, index, as, axis } = use;
    const name = node.input[index]!;
    const tensor = this.#plan.scope.weight(name)!.tensor;
    const key = `${as}\n${axis}\n${scales === undefined ? '' : node.name}\n${name}`;
    let written = this.#weights.get(key);
    if (written === undefined) {
      const values = floatsOf(tensor)!;
      const dims = dimsOf(tensor);
      const quantized =
        as === 'activation'
          ? quantizeUint8(name, values)
          : toInt8(
              values,
              dims,
              axis,
              scales ?? weightScales(channelBounds(name, values, dims, axis), this.#reduceRange),
              this.#reduceRange,
            );
      written = { output: this.#dequantized(name, dims, quantized), quantized };
      this.#weights.set(key, written);
    }
    node.input[index] = written.output;
    if (as === 'activation' && this.#plan.activations.get(node.output[0]!) === name) {
      this.#parameters.set(name, this.#weightParameters.get(written.output)!);
    }
  }

  readonly #weightParameters = new Map<string, Parameters>();

  /** Adds a weight in 8 bits and the node that gives it as float32; returns the name of what that gives. */
  #dequantized(name: string, dims: readonly number[], { data, scales, zeroPoint, axis }: QuantizedWeights): string {
    const type = data instanceof Int8Array ? ELEMENT.int8 : ELEMENT.uint8;
    const { scope } = this.#plan;
    const shape = axis === null ? [] : [scales.length];
    const zeros = (data instanceof Int8Array ? new Int8Array(scales.length) : new Uint8Array(scales.length)).fill(
      zeroPoint,
    );
    const quantized = scope.addWeight(tensorOf(this.#names.take(`${name}_quantized`), type, dims, data)).name;
    const scale = scope.addWeight(tensorOf(this.#names.take(`${name}_scale`), ELEMENT.float32, shape, scales)).name;
    const zero = scope.addWeight(tensorOf(this.#names.take(`${name}_zero_point`), type, shape, zeros)).name;
    const output = this.#names.take(`${name}_dequantized`);
    this.#dequantize(quantized, [scale, zero], output, axis);
    this.#weightParameters.set(output, { scale: scales[0]!, zeroPoint, inputs: [scale, zero] });
    return output;
  }

  #dequantize(input: string, parameters: readonly [string, string], output: string, axis: number | null): void {
    const node = makeNode('DequantizeLinear', [input, ...parameters], [output], {
      name: this.#names.take(`${output}_node`),
    });
    if (axis !== null) node.attribute.push(intAttribute('axis', axis));
    this.#first.push(node);
  }

  #writeBias(node: NodeProto, index: number, floatInputs: readonly string[]): void {
    const { scope } = this.#plan;
    const name = floatInputs[index]!;
    const weight = [...this.#weights.values()].find(({ output }) => output === node.input[1])!.quantized;
    const inputScale = this.#parametersOf(floatInputs[0]!).scale;
    const bias = quantizeBias(
      floatsOf(scope.weight(name)!.tensor)!,
      dimsOf(scope.weight(name)!.tensor),
      inputScale,
      weight,
    );
    if (bias === null) return;
    const shape = weight.axis === null ? [] : [bias.scales.length];
    const quantized = scope.addWeight(
      tensorOf(this.#names.take(`${name}_quantized`), ELEMENT.int32, [bias.data.length], bias.data),
    ).name;
    const scale = scope.addWeight(
      tensorOf(this.#names.take(`${name}_scale`), ELEMENT.float32, shape, bias.scales),
    ).name;
    const zeros = new Int32Array(bias.scales.length);
    const zero = scope.addWeight(tensorOf(this.#names.take(`${name}_zero_point`), ELEMENT.int32, shape, zeros)).name;
    const output = this.#names.take(`${name}_dequantized`);
    this.#dequantize(quantized, [scale, zero], output, weight.axis === null ? null : 0);
    node.input[index] = output;
  }

  /** Every consumer takes the value by way of the 8 bits: the runtime fuses only where nobody sees the float32. */
  #writeActivations(): void {
    const { graph } = this.#plan.model;
    const outputs = new Set(graph.output.map(({ name }) => name));
    const renamed = new Map<string, string>();
    const pairs = new Map<string, NodeProto[]>();
    for (const name of this.#plan.activations.keys()) {
      const isOutput = outputs.has(name);
      const source = isOutput ? this.#names.take(`${name}_float`) : name;
      const target = isOutput ? name : this.#names.take(`${name}_dequantized`);
      pairs.set(name, this.#pair(name, source, target));
      renamed.set(name, isOutput ? source : target);
    }
    const inputs = graph.input.flatMap(({ name }) => pairs.get(name) ?? []);
    graph.node = graph.node.flatMap((node) => {
      node.input = node.input.map((name) => (outputs.has(name) ? name : (renamed.get(name) ?? name)));
      const added = node.output.flatMap((name) => pairs.get(name) ?? []);
      node.output = node.output.map((name) => (outputs.has(name) ? (renamed.get(name) ?? name) : name));
      return [node, ...added];
    });
    graph.node.unshift(...inputs);
  }

  #pair(name: string, source: string, target: string): NodeProto[] {
    const { inputs } = this.#parametersOf(name);
    const quantized = this.#names.take(`${name}_quantized`);
    return [
      makeNode('QuantizeLinear', [source, ...inputs], [quantized], { name: this.#names.take(`${quantized}_node`) }),
      makeNode('DequantizeLinear', [quantized, ...inputs], [target], { name: this.#names.take(`${target}_node`) }),
    ];
  }

  #parametersOf(name: string): Parameters {
    const root = this.#plan.rootOf(name);
    const known = this.#parameters.get(root);
    if (known !== undefined) return known;
    const range = this.#ranges.get(root);
    if (range === undefined || !Number.isFinite(range.min) || !Number.isFinite(range.max)) {
      throw new InfernodeError('INF_CALIBRATION_INVALID', `There is no range for tensor ${JSON.stringify(root)}`, {
        details: { name: root, expected: 'a finite range', given: range ? `${range.min} to ${range.max}` : 'none' },
      });
    }
    const { scale, zeroPoint } = asymmetric(range.min, range.max, UINT8);
    const { scope } = this.#plan;
    const scaleName = scope.addWeight(floatScalar(this.#names.take(`${root}_scale`), scale)).name;
    const zero = tensorOf(this.#names.take(`${root}_zero_point`), ELEMENT.uint8, [], Uint8Array.of(zeroPoint));
    const parameters: Parameters = { scale, zeroPoint, inputs: [scaleName, scope.addWeight(zero).name] };
    this.#parameters.set(root, parameters);
    return parameters;
  }
}
