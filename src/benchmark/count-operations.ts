import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { countOps } from '../backends/onnx/model-file.js';
import type { SampleInputs } from '../conversion/build.js';
import { isQuantized } from '../conversion/is-quantized.js';
import { matchInputs } from '../conversion/match-inputs.js';
import { allGraphs } from '../conversion/onnx/attributes.js';
import { ELEMENT } from '../conversion/onnx/element-type.js';
import { encodeOnnx, type ModelProto, makeNode, makeValue, type NodeProto } from '../conversion/onnx/onnx-proto.js';
import { readModel } from '../conversion/onnx/read-model.js';
import { messageOf } from '../errors.js';
import type { Contestant } from './contestant.js';
import { kindOf, multiplicationsOf, valuesOf } from './multiplications.js';

/** How many operations a call takes, a multiplication and its addition being two; or why that is not known. */
export interface OperationCount {
  /** Of a call on each of the inputs, in their order. */
  readonly operations: readonly number[] | null;
  readonly reason: string | null;
  /** Whether the file holds integers to multiply. */
  readonly isQuantized: boolean;
}

/** A larger model is not written a second time. */
const LARGEST_BYTES = 2 ** 30;
const PREFIX = 'infernode.shape.';

/**
 * Counts the multiplications of an ONNX file: has the model say the shapes of what is multiplied, instead of its outputs, and
 * runs it. What that finds holds for these inputs whatever the graph says of its shapes.
 *
 * @param folder where a copy of the model is written
 */
export async function countOperations(
  file: string,
  inputs: readonly SampleInputs[],
  folder: string,
  contestant: Contestant,
): Promise<OperationCount> {
  let quantized = false;
  const unknown = (reason: string): OperationCount => ({ operations: null, reason, isQuantized: quantized });
  try {
    if ((await stat(file)).size > LARGEST_BYTES) return unknown('the ONNX file is too large to be looked into');
    const model = await readModel(file);
    quantized = isQuantized({ ops: countOps(model as never) } as Parameters<typeof isQuantized>[0]);
    const nodes = model.graph.node.filter((node) => kindOf(node) === 'counted');
    const problem = problemOf(model, nodes);
    if (problem !== undefined) return unknown(problem);
    const weights = new Set(model.graph.initializer.map(({ name }) => name));
    const names = model.graph.input.map(({ name }) => name).filter((name) => !weights.has(name));
    const copy = join(folder, 'shapes.onnx');
    await writeFile(copy, encodeOnnx(answeringShapes(model, nodes)));
    await contestant.open({ runtime: 'infernode', path: copy, options: { backend: 'onnx', threads: 1 } });
    const operations: number[] = [];
    for (const given of inputs) {
      const outputs = await contestant.outputs(matchInputs(given, names));
      const shapeOf = (name: string) => Array.from(outputs[PREFIX + name]!.toNumbers());
      operations.push(2 * nodes.reduce((sum, node) => sum + multiplicationsOf(node, valuesOf(node).map(shapeOf)), 0));
    }
    return { operations, reason: null, isQuantized: quantized };
  } catch (error) {
    return unknown(messageOf(error));
  }
}

function problemOf({ graph }: ModelProto, counted: readonly NodeProto[]): string | undefined {
  const [outer, ...inner] = [...allGraphs(graph)];
  const stranger = outer!.node.find((node) => kindOf(node) === 'unknown');
  if (stranger !== undefined) return `the multiplications of ${stranger.opType} are not counted`;
  if (inner.some(({ node }) => node.some((each) => kindOf(each) !== 'none')))
    return 'it multiplies in a loop or a branch';
  return counted.length === 0 ? 'it multiplies no matrices' : undefined;
}

/** Changes the model: its outputs become the shapes of what these nodes multiply. */
function answeringShapes(model: ModelProto, nodes: readonly NodeProto[]): ModelProto {
  const values = [...new Set(nodes.flatMap(valuesOf))];
  model.graph.node.push(...values.map((name) => makeNode('Shape', [name], [PREFIX + name], { name: PREFIX + name })));
  model.graph.output = values.map((name) => makeValue(PREFIX + name, ELEMENT.int64));
  return model;
}
