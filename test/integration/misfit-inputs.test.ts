import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ErrorCode, load, Tensor } from 'infernode';
import { torchScriptProgram } from '#src/benchmark/torchscript-program';
import { serveBoth } from '../support/both-protocols.js';
import { rejects, throws } from '../support/expect-error.js';
import { type InferResponse, output, rawRequest } from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { attribute, type Dims, encodeModel, node, value, weight } from '../support/onnx-builder.js';
import { ask, assertProblem, input } from '../support/serving.js';
import { needsTorch } from '../support/torch.js';
import { makeFolder } from '../unit/support/files.js';

type Shapes = readonly [a: readonly number[], b: readonly number[]];

/** y of a and b: how it is computed, sizes that suit each other, and some that do not. */
interface Case {
  readonly model: Uint8Array;
  readonly fit: Shapes;
  readonly misfit: Shapes;
}

function torch(expression: string, fit: Shapes, misfit: Shapes): Case {
  const program = `def forward(self: __torch__.Program,\n  a: Tensor,\n  b: Tensor) -> Tensor:\n  return ${expression}`;
  return { model: torchScriptProgram(program), fit, misfit };
}

function onnx(operator: string, fit: Shapes, misfit: Shapes, attributes: object[] = []): Case {
  const anySize = ({ length }: readonly number[]): Dims => new Array<null>(length).fill(null);
  const model = encodeModel({
    node: [node(operator, ['a', 'b'], ['y'], { attribute: attributes })],
    input: [value('a', 'float32', anySize(fit[0])), value('b', 'float32', anySize(fit[1]))],
    output: [value('y', 'float32', null)],
  });
  return { model, fit, misfit };
}

const vectors: readonly [Shapes, Shapes] = [
  [[3], [3]],
  [[3], [4]],
];
const matrices: readonly [Shapes, Shapes] = [
  [
    [2, 3],
    [3, 5],
  ],
  [
    [2, 3],
    [4, 5],
  ],
];
const rows: readonly [Shapes, Shapes] = [
  [
    [2, 3],
    [2, 4],
  ],
  [
    [2, 3],
    [3, 3],
  ],
];
const pictures: readonly [Shapes, Shapes] = [
  [
    [1, 3, 8, 8],
    [4, 3, 3, 3],
  ],
  [
    [1, 3, 8, 8],
    [4, 5, 3, 3],
  ],
];
const batched: Shapes = [
  [2, 2, 3],
  [2, 3, 5],
];
const small: Shapes = [
  [1, 3, 2, 2],
  [4, 3, 3, 3],
];

const TORCH: Readonly<Record<string, Case>> = {
  add: torch('torch.add(a, b)', ...vectors),
  dot: torch('torch.dot(a, b)', ...vectors),
  expand: torch('torch.expand(a, torch.size(b))', ...vectors),
  view: torch('torch.view(a, torch.size(b))', ...vectors),
  sum: torch('torch.sum(a, [torch.sub(torch.dim(b), 1)])', [[3], [3]], [[3], [3, 1]]),
  multiply: torch('torch.matmul(a, b)', ...matrices),
  vector: torch('torch.mv(a, b)', [[2, 3], [3]], [[2, 3], [4]]),
  einsum: torch('torch.einsum("ij,jk->ik", [a, b])', ...matrices),
  join: torch('torch.cat([a, b], 1)', ...rows),
  stack: torch('torch.stack([a, b])', ...vectors),
  norm: torch('torch.layer_norm(a, torch.size(b), b)', [[2, 3], [3]], [[2, 3], [4]]),
  batch: torch('torch.batch_norm(a, None, None, b, b, True, 0.1, 1e-05, True)', [[2, 3], [3]], [[2, 3], [4]]),
  batches: torch('torch.bmm(a, b)', batched, [
    [2, 2, 3],
    [2, 4, 5],
  ]),
  convolve: torch('torch.conv2d(a, b)', ...pictures),
  tiny: torch('torch.conv2d(a, b)', pictures[0], small),
  rank: torch('torch.conv2d(a, b)', pictures[0], [
    [3, 8],
    [4, 3, 3, 3],
  ]),
};

const ONNX: Readonly<Record<string, Case>> = {
  add: onnx('Add', ...vectors),
  multiply: onnx('MatMul', ...matrices),
  batches: onnx('MatMul', batched, [
    [2, 2, 3],
    [3, 3, 5],
  ]),
  gemm: onnx('Gemm', ...matrices),
  einsum: onnx('Einsum', ...matrices, [attribute.string('equation', 'ij,jk->ik')]),
  join: onnx('Concat', ...rows, [attribute.int('axis', 1)]),
  norm: onnx('LayerNormalization', [[2, 3], [3]], [[2, 3], [4]]),
  convolve: onnx('Conv', ...pictures),
  tiny: onnx('Conv', pictures[0], small),
};

const CASES = [
  ...Object.entries(ONNX).map(([name, one]) => ({ name: `onnx-${name}`, file: 'model.onnx', skip: false, ...one })),
  ...Object.entries(TORCH).map(([name, one]) => ({
    name: `torch-${name}`,
    file: 'model.pt',
    skip: needsTorch,
    ...one,
  })),
];

const ones = (shape: readonly number[]) => {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return new Tensor('float32', new Float32Array(size).fill(1), shape);
};

/** The path of the only model of a folder that goes away with the test. */
async function modelFile(t: TestContext, file: string, model: Uint8Array): Promise<string> {
  return `${await makeFolder(t, { [file]: model })}/${file}`;
}

for (const { name, file, skip, model, fit, misfit } of CASES) {
  test(`sizes that do not fit are the caller's once the model has answered: ${name}`, { skip }, async (t) => {
    await using loaded = await load(await modelFile(t, file, model));
    const [good, bad] = [fit.map(ones), misfit.map(ones)];
    // Nobody knows yet whether it takes anything at all.
    await rejects(loaded.run(bad), 'INF_MODEL_FAILED');
    throws(() => loaded.runSync(bad), 'INF_MODEL_FAILED');
    await loaded.run(good);
    const error = await rejects(loaded.run(bad), 'INF_INPUT_SHAPE');
    assert.ok(error.cause instanceof Error);
    throws(() => loaded.runSync(bad), 'INF_INPUT_SHAPE');
  });
}

/** An exchange with a model over each protocol, with inputs of these shapes; both fail with the code. */
async function refusedByBoth(
  { url, call }: Awaited<ReturnType<typeof serveBoth>>,
  model: string,
  shapes: Readonly<Record<string, readonly number[]>>,
  status: number,
  code: ErrorCode,
): Promise<void> {
  const inputs = Object.entries(shapes).map(
    ([name, shape]) => [name, shape, ones(shape).data as Float32Array] as const,
  );
  const body = { inputs: inputs.map(([name, shape, data]) => input(name, 'FP32', shape, Array.from(data))) };
  assertProblem(await ask(`${url}/v2/models/${model}/infer`, 'POST', body), status, code);
  const raw = inputs.map(([name, shape, data]) => [name, ['FP32', shape, data]] as const);
  await refuses(call('ModelInfer', rawRequest(model, Object.fromEntries(raw))), code);
}

test('sizes that do not fit are 400 and INVALID_ARGUMENT, and nobody else fails', async (t) => {
  const models = { onnx: ONNX.add!, ...(!needsTorch && { torch: TORCH.add! }) };
  const files = Object.entries(models).map(([name, { model }]) => [
    `${name}/1/model.${name === 'onnx' ? 'onnx' : 'pt'}`,
    model,
  ]);
  const both = await serveBoth(t, { repository: await makeFolder(t, Object.fromEntries(files)) });
  await both.engine.started;
  for (const model of Object.keys(models)) {
    // The trial at the start has shown that it answers.
    const good = rawRequest(model, {
      a: ['FP32', [3], Float32Array.of(1, 2, 3)],
      b: ['FP32', [3], Float32Array.of(1, 1, 1)],
    });
    const [answer] = await Promise.all([
      both.call<InferResponse>('ModelInfer', good),
      refusedByBoth(both, model, { a: [3], b: [4] }, 400, 'INF_INPUT_SHAPE'),
    ]);
    assert.deepEqual([...output(answer, answer.outputs[0]!.name, Float32Array)], [2, 3, 4]);
    const failed = await both.metric(`infernode_requests_total{model="${model}",version="1",outcome="failed"}`);
    assert.equal(failed ?? 0, 0);
  }
});

test('a model that fails with whatever it is given is not blamed on the caller', async (t) => {
  // n + 3 and n + 4 elements, which only a run finds out.
  const axis = [attribute.int('axis', 0)];
  const broken = encodeModel({
    node: [
      node('Concat', ['x', 'three'], ['a'], { attribute: axis }),
      node('Concat', ['x', 'four'], ['b'], { attribute: axis }),
      node('Add', ['a', 'b'], ['y']),
    ],
    input: [value('x', 'float32', [null])],
    output: [value('y', 'float32', null)],
    initializer: [
      weight('three', 'float32', [3], new Float32Array(3)),
      weight('four', 'float32', [4], new Float32Array(4)),
    ],
  });
  const both = await serveBoth(t, { repository: await makeFolder(t, { 'broken/1/model.onnx': broken }) });
  await both.engine.started;
  for (const size of [1, 2, 3, 4]) await refusedByBoth(both, 'broken', { x: [size] }, 500, 'INF_MODEL_FAILED');
});

test('an entry that a dict lacks is missing, and a key of the model’s own is its own', {
  skip: needsTorch,
}, async (t) => {
  const program = (lookup: string) =>
    torchScriptProgram(
      `def forward(self: __torch__.Program,\n  x: Dict[str, Tensor]) -> Tensor:\n  own = {"k": 1}\n  ${lookup}`,
    );
  const repository = await makeFolder(t, {
    'theirs/1/model.pt': program('return x["k"]'),
    'own/1/model.pt': program('return torch.mul(x["j"], own["j"])'),
  });
  const both = await serveBoth(t, { repository });
  await both.engine.started;
  await refusedByBoth(both, 'theirs', { 'x.j': [1] }, 400, 'INF_INPUT_MISSING');
  await refusedByBoth(both, 'own', { 'x.j': [1] }, 500, 'INF_MODEL_FAILED');
  const answer = await both.call<InferResponse>(
    'ModelInfer',
    rawRequest('theirs', { 'x.k': ['FP32', [1], Float32Array.of(7)] }),
  );
  assert.deepEqual([...output(answer, 'output', Float32Array)], [7]);
});
