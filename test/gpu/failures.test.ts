import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load, Tensor } from 'infernode';
import { rejects } from '../support/expect-error.js';
import { gpus, loadGpuModel, needsGpu, needsGpuModels, needsTwoGpus } from '../support/gpu.js';
import { fixture } from '../support/torch.js';

const count = (value: number) => new Tensor('int64', BigInt64Array.of(BigInt(value)), [1]);

describe('a GPU that is not there', { skip: needsGpu }, () => {
  test('is refused by name', async () => {
    await rejects(load(fixture('tiny.pt'), { device: 'cuda:99' }), 'INF_DEVICE_UNAVAILABLE', 'cuda:99', gpus[0]!);
  });
});

describe('memory', { skip: needsGpuModels }, () => {
  test('too little is a coded error, after which the model answers', async () => {
    await using model = await loadGpuModel('allocates.pt', { gpuMemoryLimit: 2 ** 30 });
    const megabytes = async (value: number) => (await model.run([count(value)])).output!.toNumbers()[0];
    assert.equal(await megabytes(100), 100);
    for (let call = 0; call < 6; call++) {
      await rejects(megabytes(4000), 'INF_OUT_OF_MEMORY');
      assert.equal(await megabytes(100), 100);
    }
    // A limit holds until another one is named.
    await using larger = await loadGpuModel('allocates.pt', { gpuMemoryLimit: 8 * 2 ** 30 });
    assert.equal((await larger.run([count(4000)])).output!.toNumbers()[0], 4000);
  });
});

describe('several GPUs', { skip: needsTwoGpus }, () => {
  test('share the calls of a model', async () => {
    await using model = await load(fixture('tiny.pt'), { devices: [0, 1] });
    await using onCpu = await load(fixture('tiny.pt'), { backend: 'torch' });
    assert.deepEqual([model.info.device, model.info.instances], ['cuda:0,cuda:1', 2]);
    const inputs = [new Tensor('float32', Float32Array.of(1, 2, 3, 4), [4])];
    const expected = await onCpu.run(inputs);
    const answers = await Promise.all(Array.from({ length: 20 }, () => model.run(inputs)));
    for (const answer of answers) assert.deepEqual(answer, expected);
    assert.equal(model.graphs!.executors.length, 2);
  });
});

describe('an AOTInductor package for a GPU', { skip: needsGpuModels }, () => {
  test('answers as the model that it was made of, computed and replayed', async (t) => {
    await using script = await loadGpuModel('mlp.pt');
    let opened: Awaited<ReturnType<typeof loadGpuModel>>;
    try {
      opened = await loadGpuModel('mlp.pt2');
    } catch (error) {
      if ((error as { code?: string }).code !== 'INF_MODEL_NOT_FOUND') throw error;
      return t.skip('this machine could not compile one; scripts/gpu/models.py says why');
    }
    await using packaged = opened;
    for (let call = 0; call < 8; call++) {
      const data = Float32Array.from({ length: 4 * 64 }, (_, index) => Math.cos(index + call));
      const x = new Tensor('float32', data, [4, 64]);
      const [a, b] = [await script.run([x]), await packaged.run([x])].map(({ output }) => output!.toNumbers());
      for (const [index, value] of a!.entries()) assert.ok(Math.abs(value - b![index]!) < 1e-3, `call ${call}`);
    }
    assert.ok(packaged.graphs!.replays > 0, JSON.stringify(packaged.graphs));
  });
});
