import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load, type Precision, Tensor } from 'infernode';
import { rejects } from '../support/expect-error.js';
import { needsGpu } from '../support/gpu.js';
import { bundledModel } from '../support/test-data.js';
import { fixture, loadFixture } from '../support/torch.js';

/** Pictures that differ from each other. */
function pictures(rows: number): Tensor {
  const data = Float32Array.from({ length: rows * 3 * 64 * 64 }, (_, index) => Math.sin(index * 0.37 + rows));
  return new Tensor('float32', data, [rows, 3, 64, 64]);
}

/** The largest difference, relative to the largest element. */
function distance(a: Tensor, b: Tensor): number {
  assert.deepEqual([a.dtype, a.shape], [b.dtype, b.shape]);
  const [x, y] = [a.toNumbers(), b.toNumbers()];
  const largest = Math.max(...y.map(Math.abs));
  return Math.max(...x.map((value, index) => Math.abs(value - y[index]!))) / largest;
}

describe('a GPU answers as the CPU does', { skip: needsGpu }, () => {
  const cases: [Precision, tolerance: number][] = [
    ['fp32', 1e-4],
    ['tf32', 1e-2],
    ['fp16', 2e-2],
    ['bf16', 8e-2],
  ];
  for (const [precision, tolerance] of cases) {
    test(`in ${precision}, computed and replayed`, async () => {
      await using onCpu = await load(bundledModel, { backend: 'torch' });
      await using onGpu = await load(bundledModel, { backend: 'torch', device: 'cuda', precision });
      assert.equal(onGpu.info.device, 'cuda:0');
      for (let call = 0; call < 7; call++) {
        const image = pictures(4);
        const [expected, given] = [await onCpu.run({ image }), await onGpu.run({ image })];
        const worst = distance(given.output!, expected.output!);
        assert.ok(worst <= tolerance, `call ${call} differs by ${worst}`);
      }
      assert.ok(onGpu.graphs!.replays > 0, JSON.stringify(onGpu.graphs));
    });
  }

  test('INT8 is refused', async () => {
    await rejects(
      load(bundledModel, { backend: 'torch', device: 'cuda', precision: 'int8' }),
      'INF_PRECISION_UNSUPPORTED',
      'cuda:0',
    );
  });
});

describe('every kind of argument and answer', { skip: needsGpu }, () => {
  test('a program that names another device', async () => {
    await using model = await loadFixture('names-a-device', { device: 'cuda' });
    const { output } = await model.run({ x: new Tensor('float32', new Float32Array(4), [4, 1]) });
    assert.deepEqual(output!.toNumbers(), [0, 1, 2, 3]);
  });

  test('what a model writes to its input does not reach the caller', async () => {
    await using onCpu = await loadFixture('in-place');
    await using onGpu = await loadFixture('in-place', { device: 'cuda' });
    const { inputs } = onGpu.signature;
    for (let call = 0; call < 6; call++) {
      const make = () => inputs.map(() => new Tensor('float32', Float32Array.of(1, 2, 3), [3]));
      const given = make();
      const answers = await Promise.all([onCpu.run(make()), onGpu.run(given)]);
      assert.deepEqual(answers[1], answers[0]);
      for (const tensor of given) assert.deepEqual(tensor.toNumbers(), [1, 2, 3]);
    }
  });

  test('a model with state has no graphs, and keeps its state', async () => {
    await using onCpu = await load(fixture('counter.pt'), { backend: 'torch' });
    await using onGpu = await load(fixture('counter.pt'), { backend: 'torch', device: 'cuda' });
    assert.equal(onGpu.graphs, null);
    const x = new Tensor('float32', Float32Array.of(1, 2), [2]);
    for (let call = 0; call < 6; call++) {
      const inputs = onGpu.signature.inputs.map(() => x);
      assert.deepEqual(await onGpu.run(inputs), await onCpu.run(inputs));
    }
  });
});
