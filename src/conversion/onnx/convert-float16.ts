import { InfernodeError } from '../../errors.js';
import { allGraphs, attributeOf, subgraphsOf } from './attributes.js';
import { ELEMENT } from './element-type.js';
import { Float16Names } from './float16-names.js';
import { isFloat32Input, staysFloat32 } from './float16-operators.js';
import { convertInPlace } from './float16-weights.js';
import { dropUnusedWeights, GraphScope, usedNames, weightBytes } from './graph-scope.js';
import type { GraphProto, ModelProto, NodeProto, TypeProto } from './onnx-proto.js';
import { prepareModel } from './prepare.js';
import { checkFloat32 } from './quantizing-model.js';
import { operatorName, type QuantizationReport, ReportBuilder } from './report.js';
import { inferGraphTypes, type ValueTypes } from './value-types.js';

export interface Float16Options {
  /** Inputs and outputs stay float32, with a Cast behind or before them. True unless said otherwise. */
  readonly keepIoTypes?: boolean;
  /** Names of nodes that stay in float32. */
  readonly exclude?: readonly string[];
}

/**
 * Converts a model to float16, in place: weights, and all that is computed from them. Operators that have no float16
 * stay in float32, between Casts. Subgraphs are converted as well.
 *
 * @throws InfernodeError INF_QUANTIZED_ALREADY, INF_QUANTIZE_NOTHING, INF_CONVERSION_FAILED for operators whose outputs
 * are of unknown type, INF_OPTION_INVALID for excluded nodes that do not exist or hold a graph
 */
export function convertFloat16(model: ModelProto, options: Float16Options = {}): QuantizationReport {
  const bytesBefore = weightBytes(model.graph);
  checkFloat32(model);
  prepareModel(model);
  if (model.functions.length > 0) {
    throw new InfernodeError('INF_CONVERSION_FAILED', 'The model has functions of its own; inline them first', {
      details: { expected: 'a model without functions', given: `${model.functions.length} functions` },
    });
  }
  const run = new Float16Run(model, new Set(options.exclude ?? []), options.keepIoTypes ?? true);
  run.convert();
  dropUnusedCasts(model.graph);
  dropUnusedWeights(model.graph);
  return run.report.finish(bytesBefore, weightBytes(model.graph));
}

class Float16Run {
  readonly report = new ReportBuilder();
  readonly #model: ModelProto;
  readonly #exclude: ReadonlySet<string>;
  readonly #names: Float16Names;
  readonly #keepIo: boolean;

  constructor(model: ModelProto, exclude: ReadonlySet<string>, keepIo: boolean) {
    this.#model = model;
    this.#exclude = exclude;
    this.#keepIo = keepIo;
    this.#names = new Float16Names(model, keepIo);
    this.#checkExcluded();
  }

  convert(): void {
    const { graph } = this.#model;
    const weights = this.#convertGraph(graph, new Map(), undefined);
    if (weights > 0 && this.report.total > 0) return;
    const message = `No weight of the model can be converted to float16 (${this.report.reasons || 'it has none'})`;
    throw new InfernodeError('INF_QUANTIZE_NOTHING', message, {
      details: { expected: 'float32 weights', given: this.report.reasons },
    });
  }

  /** Returns the number of weights converted. */
  #convertGraph(graph: GraphProto, outer: ValueTypes, outerScope: GraphScope | undefined): number {
    const types = inferGraphTypes(graph, outer);
    const scope = new GraphScope(graph, outerScope);
    const top = outerScope === undefined;
    const casts = this.#names.enter(graph, types, scope);
    let weights = 0;
    const nodes: NodeProto[] = top ? casts.inputs() : [];
    for (const node of graph.node) {
      this.#checkTypes(node, types);
      for (const inner of subgraphsOf(node)) weights += this.#convertGraph(inner, types, scope);
      const reason = this.#exclude.has(node.name)
        ? 'excluded'
        : staysFloat32(node)
          ? 'it has no form in float16'
          : null;
      const touchesFloat = [...node.input, ...node.output].some((name) => types.get(name) === ELEMENT.float32);
      if (reason !== null && touchesFloat) {
        nodes.push(...casts.keep(node));
        this.report.left(operatorName(node), reason);
        continue;
      }
      nodes.push(...casts.convert(node, (index) => isFloat32Input(node, index)));
      this.#convertAttributes(node);
      if (touchesFloat) this.report.quantized(operatorName(node));
      else this.report.left(operatorName(node), 'its values are no float32');
    }
    if (!top) for (const value of graph.output) value.name = casts.use(value.name);
    graph.node = nodes;
    for (const tensor of [...graph.initializer]) {
      if (!casts.isHalf(tensor)) continue;
      this.report.clamped += convertInPlace(tensor);
      weights++;
    }
    this.#declare(graph, top);
    return weights;
  }

  /** What a node makes of attributes alone. */
  #convertAttributes(node: NodeProto): void {
    if (node.opType === 'Cast') {
      const to = attributeOf(node, 'to');
      if (to !== undefined && Number(to.i) === ELEMENT.float32) to.i = ELEMENT.float16;
    }
    if (node.opType !== 'ConstantOfShape' && node.opType !== 'Constant') return;
    const value = attributeOf(node, 'value');
    if (value?.t?.dataType === ELEMENT.float32) this.report.clamped += convertInPlace(value.t);
    else if (value === undefined && node.opType === 'ConstantOfShape') node.attribute.push(this.#names.zero());
  }

  #declare(graph: GraphProto, top: boolean): void {
    const kept = top && this.#keepIo ? [] : [...graph.input, ...graph.output];
    for (const { type } of [...kept, ...graph.valueInfo]) declareHalf(type);
    // Values that now stay float32 have no half form under their name.
    graph.valueInfo = graph.valueInfo.filter(({ name }) => !this.#names.isRenamed(name));
  }

  #checkTypes(node: NodeProto, types: ValueTypes): void {
    const known = node.output.every((name) => name === '' || (types.get(name) ?? 0) !== 0);
    if (known || !node.input.some((name) => types.get(name) === ELEMENT.float32)) return;
    const what = `${operatorName(node)} ${JSON.stringify(node.name)}`;
    const message = `The type of what ${what} gives is not known; declare it in the model's value_info`;
    throw new InfernodeError('INF_CONVERSION_FAILED', message, { details: { name: node.name, given: node.opType } });
  }

  #checkExcluded(): void {
    const nodes = new Map<string, NodeProto>();
    for (const { node } of allGraphs(this.#model.graph)) for (const each of node) nodes.set(each.name, each);
    for (const name of this.#exclude) {
      const node = nodes.get(name);
      if (node !== undefined && subgraphsOf(node).length === 0) continue;
      const what = node === undefined ? `the model has no node` : 'name the nodes inside, not';
      throw new InfernodeError('INF_OPTION_INVALID', `exclude: ${what} ${JSON.stringify(name)}`, {
        details: { name: 'exclude', expected: 'names of nodes without graphs', given: name },
      });
    }
  }
}

/** Of values in both forms, often only one is taken. */
function dropUnusedCasts(graph: GraphProto): void {
  const used = usedNames(graph);
  for (const each of allGraphs(graph)) {
    each.node = each.node.filter(({ opType, output }) => opType !== 'Cast' || used.has(output[0]!));
  }
}

function declareHalf(type: TypeProto | null | undefined): void {
  if (type?.tensorType?.elemType === ELEMENT.float32) type.tensorType.elemType = ELEMENT.float16;
  declareInner(type?.sequenceType);
  declareInner(type?.optionalType);
}

function declareInner(type: { elemType?: TypeProto | null } | null | undefined): void {
  if (type?.elemType != null) declareHalf(type.elemType);
}
