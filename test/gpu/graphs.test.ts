import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load, Tensor } from 'infernode';
import { loadGpuModel, needsGpu, needsGpuModels } from '../support/gpu.js';
import { bundledModel } from '../support/test-data.js';

const vector = (...values: number[]) => new Tensor('float32', Float32Array.from(values), [1, values.length]);

function picture(seed: number, rows = 1): Tensor {
  const data = Float32Array.from({ length: rows * 3 * 64 * 64 }, (_, index) => Math.sin(seed * 31 + index * 0.37));
  return new Tensor('float32', data, [rows, 3, 64, 64]);
}

describe('CUDA graphs', { skip: needsGpu }, () => {
  test('are recorded after three calls of a shape, and replayed with other values', async () => {
    await using plain = await load(bundledModel, { backend: 'torch', device: 'cuda', graphs: false });
    await using model = await load(bundledModel, { backend: 'torch', device: 'cuda' });
    assert.equal(plain.graphs, null);
    for (let call = 0; call < 10; call++) {
      const image = picture(call, 2);
      const [expected, given] = [await plain.run({ image }), await model.run({ image })];
      const [a, b] = [expected.output!.toNumbers(), given.output!.toNumbers()];
      for (const [index, value] of a.entries()) assert.ok(Math.abs(value - b[index]!) < 1e-3, `call ${call}`);
    }
    const { executors, replays, computed } = model.graphs!;
    assert.deepEqual(executors[0]!.recorded, ['0(float32[2,3,64,64])']);
    assert.deepEqual([replays, computed], [6, 4]);
  });

  test('batches are filled up to the sizes that were recorded, and every request gets its own answer', async () => {
    await using alone = await load(bundledModel, { backend: 'torch', device: 'cuda', graphs: false });
    await using model = await load(bundledModel, {
      backend: 'torch',
      device: 'cuda',
      batching: { maxSize: 8 },
      warmup: 1,
      instances: 2,
    });
    assert.deepEqual(model.batching.padTo, [1, 2, 4, 8]);
    const before = model.graphs!.computed;
    const images = Array.from({ length: 40 }, (_, index) => picture(index));
    const answers = await Promise.all(images.map((image) => model.run({ image })));
    for (const [index, image] of images.entries()) {
      const expected = (await alone.run({ image })).output!.toNumbers();
      const given = answers[index]!.output!.toNumbers();
      for (const [at, value] of expected.entries()) assert.ok(Math.abs(value - given[at]!) < 1e-3, `${index}`);
    }
    assert.ok(model.graphs!.replays > 0);
    assert.ok(model.graphs!.computed - before <= 16, 'an instance that saw no warm-up of a size records it itself');
  });
});

describe('what cannot be a graph', { skip: needsGpuModels }, () => {
  test('a choice that depends on values is computed each time, and the reason is there', async () => {
    await using model = await loadGpuModel('branching.pt');
    for (let call = 0; call < 8; call++) {
      const sign = call % 2 === 0 ? 1 : -1;
      const { output } = await model.run([vector(sign, sign)]);
      assert.deepEqual(output!.toNumbers(), sign > 0 ? [2, 2] : [-3, -3]);
    }
    const { executors, replays } = model.graphs!;
    assert.equal(replays, 0);
    assert.equal(executors[0]!.failures.length, 1);
    assert.match(executors[0]!.failures[0]!.reason, /captur/i);
  });

  test('a model that draws lots goes on drawing them', async () => {
    await using model = await loadGpuModel('random.pt');
    const drawn = new Set<number>();
    for (let call = 0; call < 10; call++) drawn.add((await model.run([vector(1, 1)])).output!.toNumbers()[0]!);
    assert.ok(drawn.size > 5, [...drawn].join());
  });
});
