import { InfernodeError } from '../../errors.js';
import { allGraphs, subgraphsOf } from './attributes.js';
import { DynamicGraph } from './dynamic-graph.js';
import { quantizeNode } from './dynamic-rules.js';
import { dropUnusedWeights, GraphScope, Names, weightBytes } from './graph-scope.js';
import type { GraphProto, ModelProto, NodeProto } from './onnx-proto.js';
import { nothingToQuantize } from './qdq-plan.js';
import { prepareForQuantization } from './quantizing-model.js';
import { operatorName, type QuantizationReport, ReportBuilder } from './report.js';

/** What to quantize dynamically. */
export interface DynamicOptions {
  /** Names of nodes that stay in float32. */
  readonly exclude?: readonly string[];
  /** A scale for each output channel of a weight, as against one for all. True unless said otherwise. */
  readonly perChannel?: boolean;
  /** Weights in 7 bits, for x86 without VNNI. */
  readonly reduceRange?: boolean;
  /** Whether convolutions are quantized too. True unless said otherwise; on a CPU they take several times as long so. */
  readonly convolutions?: boolean;
}

/**
 * Quantizes the weights of a model to int8, in place; activations become uint8 while it runs, by the range that they have
 * in each call. It needs no samples. Subgraphs are quantized as well.
 *
 * @throws InfernodeError INF_QUANTIZED_ALREADY, INF_QUANTIZE_NOTHING, INF_CONVERSION_FAILED, INF_OPTION_INVALID for an
 * excluded node that does not exist
 */
export function quantizeDynamic(model: ModelProto, options: DynamicOptions = {}): QuantizationReport {
  const { exclude = [], perChannel = true, reduceRange = false, convolutions = true } = options;
  const bytesBefore = weightBytes(model.graph);
  prepareForQuantization(model);
  const run = new DynamicRun(model, new Set(exclude), { perChannel, reduceRange, convolutions });
  run.graph(model.graph);
  if (run.report.total === 0) throw nothingToQuantize(run.report.reasons);
  dropUnusedWeights(model.graph);
  importVendor(model);
  return run.report.finish(bytesBefore, weightBytes(model.graph));
}

type Settings = Required<Omit<DynamicOptions, 'exclude'>>;

class DynamicRun {
  readonly report = new ReportBuilder();
  readonly #names: Names;
  readonly #exclude: ReadonlySet<string>;
  readonly #options: Settings;

  constructor(model: ModelProto, exclude: ReadonlySet<string>, options: Settings) {
    this.#names = new Names(model.graph);
    this.#exclude = exclude;
    this.#options = options;
    checkExcluded(model, exclude);
  }

  graph(graph: GraphProto, outer?: DynamicGraph): void {
    const target = new DynamicGraph(new GraphScope(graph, outer?.scope), this.#names, this.#options, outer);
    for (const node of graph.node) {
      for (const inner of subgraphsOf(node)) this.graph(inner, target);
      const reason = this.#whyNot(node) ?? quantizeNode(node, target);
      if (reason === null) this.report.quantized(operatorName(node));
      else {
        this.report.left(operatorName(node), reason);
        target.nodes.push(node);
      }
    }
    graph.node = target.nodes;
  }

  #whyNot({ name, opType }: NodeProto): string | undefined {
    if (this.#exclude.has(name)) return 'excluded';
    return !this.#options.convolutions && opType.includes('Conv') ? 'convolutions gain nothing so' : undefined;
  }
}

function checkExcluded(model: ModelProto, exclude: ReadonlySet<string>): void {
  const names = new Set<string>();
  for (const { node } of allGraphs(model.graph)) for (const { name } of node) names.add(name);
  const unknown = [...exclude].find((name) => !names.has(name));
  if (unknown === undefined) return;
  throw new InfernodeError('INF_OPTION_INVALID', `exclude: the model has no node ${JSON.stringify(unknown)}`, {
    details: { name: 'exclude', expected: 'names of nodes', given: unknown },
  });
}

function importVendor(model: ModelProto): void {
  const domain = 'com.microsoft';
  const needed = [...allGraphs(model.graph)].some(({ node }) => node.some((each) => each.domain === domain));
  if (!needed || model.opsetImport.some((entry) => entry.domain === domain)) return;
  model.opsetImport.push({ domain, version: 1 });
}
