import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type LoadOptions, load, type Model, Tensor } from 'infernode';
import { rejects } from '../../support/expect-error.js';
import { addOne, attribute, node, value, weight, writeModel } from '../../support/onnx-builder.js';
import { bundledModel, dataFile, needsTestData } from '../../support/test-data.js';
import { fixture, needsTorch } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

const pictureSize = 3 * 64 * 64;

/** Pictures that differ from each other. */
function picture(seed: number, rows = 1): Tensor {
  const data = Float32Array.from({ length: rows * pictureSize }, (_, index) => Math.sin(seed * 31 + index * 0.37));
  return new Tensor('float32', data, [rows, 3, 64, 64]);
}

function assertClose(actual: Tensor, expected: Tensor): void {
  assert.deepEqual(actual.shape, expected.shape);
  const [a, b] = [actual.toNumbers(), expected.toNumbers()];
  const largest = Math.max(...b.map(Math.abs));
  for (let index = 0; index < b.length; index++)
    assert.ok(Math.abs(a[index]! - b[index]!) <= 1e-4 * largest, `element ${index}: ${a[index]} is not ${b[index]}`);
}

for (const backend of ['torch', 'onnx'] as const) {
  describe(`the queue of a model on the ${backend} backend`, { skip: backend === 'torch' && needsTorch }, () => {
    const loadShapes = (options: LoadOptions = {}) => load(bundledModel, { backend, threads: 1, ...options });

    test('finds out that rows can be joined, joins them, and every request gets its own answer', async () => {
      await using alone = await loadShapes();
      await using model = await loadShapes({ batching: true });
      assert.equal(alone.batching.maxSize, 1);
      assert.equal(model.batching.maxSize, 32);
      const pictures = Array.from({ length: 40 }, (_, index) => picture(index, 1 + (index % 3)));
      const expected = await Promise.all(pictures.map((image) => alone.run({ image })));
      const answers = await Promise.all(pictures.map((image) => model.run({ image })));
      const [name] = Object.keys(expected[0]!) as [string];
      for (const [index, answer] of answers.entries()) assertClose(answer[name]!, expected[index]![name]!);
      const { inferenceCount, executionCount, success } = model.statistics;
      assert.equal(success.count, 40);
      assert.equal(
        inferenceCount,
        pictures.reduce((rows, { shape }) => rows + shape[0]!, 0),
      );
      assert.ok(executionCount < 20, `${executionCount} calls for 40 requests`);
      assert.deepEqual(model.waiting, { requests: 0, rows: 0 });
    });

    test('infers a stream', async () => {
      await using model = await loadShapes({ batching: { maxSize: 4 } });
      const bad = { inputs: { image: new Tensor('float32', new Float32Array(4), [1, 4]) } };
      async function* requests() {
        for (let index = 0; index < 20; index++) yield index === 7 ? bad : { inputs: { image: picture(index) } };
      }
      const statuses: string[] = [];
      for await (const { status } of model.inferMany(requests())) statuses.push(status);
      assert.equal(statuses.length, 20);
      assert.deepEqual(
        statuses.flatMap((status, index) => (status === 'rejected' ? [index] : [])),
        [7],
      );
    });

    test('says where the time went', async () => {
      await using model = await loadShapes();
      const { outputs, timing } = await model.infer({ inputs: { image: picture(1) } });
      assert.equal(Object.keys(outputs).length, 1);
      assert.ok(timing.computeMs > 0 && timing.queueMs >= 0);
      assert.equal(timing.batchRows, 1);
    });

    test('closes when its requests are answered, and takes no more', async () => {
      const model = await loadShapes({ batching: true });
      const running = [1, 2, 3].map((seed) => model.run({ image: picture(seed) }));
      await model.close();
      await Promise.all(running);
      await rejects(model.infer({ inputs: { image: picture(1) } }), 'INF_MODEL_CLOSED');
      await rejects(model.run({ image: picture(1) }), 'INF_MODEL_CLOSED');
    });

    test('warms up where that is asked for', async () => {
      await using model = await loadShapes({ warmup: 2, batching: { padTo: [1, 4], maxSize: 4 } });
      assert.deepEqual(model.statistics.executionCount, 0);
      assert.deepEqual(model.batching.padTo, [1, 4]);
    });

    test('refuses what is no request', async () => {
      await using model = await loadShapes();
      const inputs = { image: picture(1) };
      const wrong: [request: object, says: string][] = [
        [{}, 'inputs'],
        [{ inputs, priority: 0 }, 'priority'],
        [{ inputs, priority: 10 }, 'priority'],
        [{ inputs, timeoutMs: -1 }, 'timeoutMs'],
        [{ inputs, timeoutMs: Number.NaN }, 'timeoutMs'],
        [{ inputs, outputs: 'logits' }, 'outputs'],
        [{ inputs, timeout: 5 }, 'timeoutMs'],
      ];
      for (const [request, says] of wrong) await rejects(model.infer(request as never), 'INF_OPTION_INVALID', says);
      await rejects(model.infer({ inputs, method: 'backward' }), 'INF_METHOD_UNKNOWN', 'forward');
      await rejects(model.infer({ inputs, outputs: ['nothing'] }), 'INF_OUTPUT_UNKNOWN', 'nothing');
    });
  });
}

test('requests of many clients are joined after those of one alone, whose calls got quick meanwhile', async (t) => {
  const path = await writeModel(join(await makeFolder(t, {}), 'model.onnx'), addOne(['n', 4]));
  await using model = await load(path, { batching: true, threads: 1 });
  const row = new Tensor('float32', Float32Array.of(1, 2, 3, 4), [1, 4]);
  for (let request = 0; request < 500; request++) await model.run([row]);
  const ask = async () => {
    for (let request = 0; request < 10; request++) await model.run([row]);
  };
  // It may take some calls to find out that it pays.
  let calls = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 30 && calls > 80; round++) {
    const before = model.statistics.executionCount;
    await Promise.all(Array.from({ length: 16 }, ask));
    calls = model.statistics.executionCount - before;
  }
  assert.ok(calls <= 80, `${calls} calls for 160 requests`);
});

describe('models whose rows cannot be joined', () => {
  const reasonOf = async (path: string, options: LoadOptions = {}): Promise<Model['batching']> => {
    await using model = await load(path, { batching: true, ...options });
    return model.batching;
  };

  test('a model with state', { skip: needsTorch }, async () => {
    const { maxSize, reason } = await reasonOf(fixture('counter.pt'));
    assert.equal(maxSize, 1);
    assert.match(reason, /depend/);
  });

  test('a model whose rows look at each other', { skip: needsTorch }, async () => {
    const { maxSize, reason } = await reasonOf(fixture('quantize-dropping.pt'));
    assert.equal(maxSize, 1);
    assert.match(reason, /beside others/);
    await rejects(load(fixture('quantize-dropping.pt'), { batching: { maxSize: 4 } }), 'INF_MODEL_CONFIG', 'beside');
  });

  test('a model that treats a row by what stands beside it, for some inputs only', async (t) => {
    const folder = await makeFolder(t, {});
    const [x, y] = [value('x', 'float32', ['batch', 4]), value('y', 'float32', ['batch', 4])];
    const scales = {
      node: [
        node('ReduceMax', ['x'], ['largest'], { attribute: [attribute.int('keepdims', 0)] }),
        node('Greater', ['largest', 'two'], ['isLarge']),
        node('Div', ['x', 'scale'], ['small']),
        node('Where', ['isLarge', 'small', 'x'], ['y']),
      ],
      initializer: [
        weight('two', 'float32', [], Float32Array.of(2)),
        weight('scale', 'float32', [], Float32Array.of(255)),
      ],
    };
    const sorts = {
      node: [node('TopK', ['x', 'rows'], ['y', 'places'], { attribute: [attribute.int('axis', 0)] })],
      initializer: [weight('rows', 'int64', [1], BigInt64Array.of(1n))],
    };
    for (const [name, graph] of Object.entries({ scales, sorts })) {
      const path = await writeModel(join(folder, `${name}.onnx`), { ...graph, input: [x], output: [y] });
      const { maxSize } = await reasonOf(path);
      assert.equal(maxSize, 1, name);
    }
  });

  test('rows of tokens can be joined', { skip: needsTestData }, async () => {
    assert.equal((await reasonOf(dataFile('models/embedding_glove_sif/model.onnx'))).maxSize, 32);
  });

  test('models with a fixed number of rows', { skip: needsTestData }, async () => {
    const { maxSize, reason } = await reasonOf(dataFile('models/onnx/mnist-8.onnx'));
    assert.equal(maxSize, 1);
    assert.match(reason, /first dimension of 1/);
    await rejects(
      load(dataFile('models/onnx/mnist-8.onnx'), { batching: { maxSize: 2 } }),
      'INF_MODEL_CONFIG',
      'first dimension of 1',
    );
  });
});
