import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { load, Tensor } from 'infernode';
import type { Outputs } from '#src/backends/backend';
import { decodeOnnx, type ModelProto } from '#src/conversion/onnx/onnx-proto';
import { writeModel } from '#src/conversion/onnx/write-model';
import { attribute, encodeModel, type GraphSpec, node, value, weight } from '../../../support/onnx-builder.js';
import { makeFolder } from '../../support/files.js';

/** A model as conversions see it. */
export function decode(graph: GraphSpec, opset = 17): ModelProto {
  return decodeOnnx(Buffer.from(encodeModel(graph, { opsetImport: [{ domain: '', version: opset }] })));
}

/** Numbers between -1 and 1, the same for the same seed. */
export function noise(count: number, seed = 1): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export function noiseTensor(shape: number[], seed = 1): Tensor {
  return new Tensor(
    'float32',
    noise(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );
}

/** x [n, 2, 6, 6] through Conv, Relu, Conv to y [n, 3, 2, 2]; the channels of the first weight differ a hundredfold. */
export function convNet(): GraphSpec {
  const first = noise(4 * 2 * 9).map((each, i) => each * 10 ** (Math.floor(i / 18) - 2));
  return {
    node: [
      node('Conv', ['x', 'w1', 'b1'], ['c1'], { name: 'first' }),
      node('Relu', ['c1'], ['r1'], { name: 'relu' }),
      node('Conv', ['r1', 'w2', 'b2'], ['y'], { name: 'second' }),
    ],
    input: [value('x', 'float32', ['n', 2, 6, 6])],
    output: [value('y', 'float32', ['n', 3, 2, 2])],
    initializer: [
      weight('w1', 'float32', [4, 2, 3, 3], first),
      weight('b1', 'float32', [4], noise(4, 2)),
      weight('w2', 'float32', [3, 4, 3, 3], noise(3 * 4 * 9, 3)),
      weight('b2', 'float32', [3], noise(3, 4)),
    ],
  };
}

/** y = x * w for x [n, 8] and w [8, 4]. */
export function matMul(): GraphSpec {
  return {
    node: [node('MatMul', ['x', 'w'], ['y'], { name: 'product' })],
    input: [value('x', 'float32', ['n', 8])],
    output: [value('y', 'float32', ['n', 4])],
    initializer: [weight('w', 'float32', [8, 4], noise(32))],
  };
}

/** y = x * w if `flag` is true, else -x * w; w lies outside the branches. */
export function branches(): GraphSpec {
  const branch = (operator: string): GraphSpec => ({
    node: [
      node('MatMul', ['x', 'w'], [`${operator}_p`], { name: `${operator}_product` }),
      node(operator, [`${operator}_p`], [`${operator}_y`], { name: `${operator}_last` }),
    ],
    input: [],
    output: [value(`${operator}_y`, 'float32', null)],
  });
  return {
    node: [
      node('If', ['flag'], ['y'], {
        name: 'choice',
        attribute: [attribute.graph('then_branch', branch('Identity')), attribute.graph('else_branch', branch('Neg'))],
      }),
    ],
    input: [value('flag', 'bool', []), value('x', 'float32', [1, 8])],
    output: [value('y', 'float32', [1, 4])],
    initializer: [weight('w', 'float32', [8, 4], noise(32))],
  };
}

/** Writes a model, loads it and runs it once. */
export async function run(t: TestContext, model: ModelProto, inputs: Record<string, Tensor>): Promise<Outputs> {
  const path = join(await makeFolder(t, {}), 'model.onnx');
  await writeModel(path, model);
  await using loaded = await load(path, { threads: 1 });
  return await loaded.run(inputs);
}

/** The largest difference of two tensors, as a share of the largest value of the second. */
export function difference(got: Tensor, want: Tensor): number {
  const [a, b] = [got.toNumbers(), want.toNumbers()];
  let worst = 0;
  let scale = 0;
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Math.abs(a[i]! - b[i]!));
    scale = Math.max(scale, Math.abs(b[i]!));
  }
  return worst / scale;
}

/** The operators of a model's graph, subgraphs left out, in order. */
export function operators(model: ModelProto): string[] {
  return model.graph.node.map(({ opType }) => opType);
}
