import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { load, Tensor } from 'infernode';
import { TorchBackend } from '#src/backends/torch/backend';
import { rejects } from '../support/expect-error.js';
import { fill } from '../support/lcg.js';
import { needsTorchPython, runPython } from '../support/python.js';
import { bundledModel } from '../support/test-data.js';
import { needsTorch } from '../support/torch.js';

describe('AOTInductor packages compiled on this machine', { skip: needsTorch || needsTorchPython }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'infernode-pt2-'));
    runPython('test/fixtures/make_packages.py', folder);
    runPython('scripts/train-shapes.py', '--pt2', join(folder, 'shapes.pt2'));
  });
  after(() => rm(folder, { recursive: true }));

  test('the bundled model answers as its TorchScript file does, at any batch', async () => {
    await using compiled = await load(join(folder, 'shapes.pt2'));
    await using scripted = await load(join(bundledModel, '1/model.pt'));
    assert.equal(compiled.info.format, 'aotinductor');
    for (const batch of [1, 2, 15, 16, 17, 64]) {
      const image = fill(
        { name: 'image', dtype: 'float32', shape: [batch, 3, 64, 64], seed: batch, lo: -2, hi: 2 },
        batch,
      );
      const got = (await compiled.run([image])).output!;
      const want = (await scripted.run([image])).output!;
      assert.deepEqual(got.shape, want.shape);
      const [a, b] = [got.toNumbers(), want.toNumbers()];
      const scale = Math.max(...Array.from(b, Math.abs));
      for (let i = 0; i < b.length; i++)
        assert.ok(Math.abs(a[i]! - b[i]!) <= 1e-4 * scale, `batch ${batch}, element ${i}`);
      assert.deepEqual(compiled.runSync([image]).output!.data, got.data);
    }
  });

  test('several instances run at once, and each call gets its own answer', async () => {
    const options = { device: 'cpu', threads: 1 } as const;
    const backend = new TorchBackend();
    const path = join(folder, 'shapes.pt2');
    const one = await backend.load(path, 'aotinductor', options);
    const several = await backend.load(path, 'aotinductor', { ...options, instances: 3 });
    assert.equal(several.info.instances, 3);
    const images = (batch: number, seed: number) => [
      fill({ name: 'image', dtype: 'float32', shape: [batch, 3, 64, 64], seed, lo: -2, hi: 2 }, batch),
    ];
    const inputs = Array.from({ length: 60 }, (_, call) => images(1 + (call % 5), call));
    const answers = await Promise.all(inputs.map((input) => several.run('forward', input)));
    for (const [call, input] of inputs.entries()) {
      assert.deepEqual(answers[call], await one.run('forward', input), `call ${call}`);
    }
    const ended: string[] = [];
    const long = several.run('forward', images(256, 1)).then(() => ended.push('long'));
    for (let i = 0; i < 3; i++) {
      await several.run('forward', images(1, i));
      ended.push('short');
    }
    await long;
    assert.deepEqual(ended, ['short', 'short', 'short', 'long']);
    await Promise.all([one.close(), several.close()]);
  });

  test('the bound of the batch is told and kept', async () => {
    await using model = await load(join(folder, 'linear.pt2'));
    const [input] = model.signature.inputs;
    assert.deepEqual(
      [input!.name, input!.dtype, input!.shape, input!.maxShape],
      ['input_0', 'float32', [null, 3], [8, null]],
    );
    const rows = (count: number) => new Tensor('float32', new Float32Array(count * 3).fill(1), [count, 3]);
    assert.deepEqual((await model.run([rows(2)])).output!.toArray(), [
      [3.5, 11.5],
      [3.5, 11.5],
    ]);
    await model.run({ input_0: rows(8) });
    await rejects(model.run([rows(9)]), 'INF_INPUT_SHAPE', '[?<=8, 3]', '[9, 3]');
    await rejects(model.run([new Tensor('float32', new Float32Array(4), [1, 4])]), 'INF_INPUT_SHAPE');
    await rejects(model.run([new Tensor('int32', new Int32Array(3), [1, 3])]), 'INF_INPUT_DTYPE', 'float32', 'int32');
  });

  test('keyword inputs and dicts keep their names', async () => {
    await using model = await load(join(folder, 'named.pt2'));
    assert.deepEqual(
      model.signature.inputs.map(({ name, dtype }) => [name, dtype]),
      [
        ['input_0', 'float32'],
        ['ids', 'int64'],
      ],
    );
    const x = new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const ids = new Tensor('int64', BigInt64Array.of(1n, 2n, 3n, 4n));
    const outputs = await model.run({ input_0: x, ids });
    assert.deepEqual(Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.toArray()])), {
      sum: [6, 15],
      'pair.0': [
        [2, 4, 6],
        [8, 10, 12],
      ],
      'pair.1': [2n, 3n, 4n, 5n],
    });
  });

  test('an exported program that was not compiled: says how to compile it', async () => {
    await rejects(load(join(folder, 'exported.pt2')), 'INF_MODEL_FORMAT', 'aoti_compile_and_package');
  });
});
