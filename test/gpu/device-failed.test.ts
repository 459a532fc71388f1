import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tensor } from 'infernode';
import { rejects } from '../support/expect-error.js';
import { loadGpuModel, needsGpuModels } from '../support/gpu.js';

// In a file, and so in a process, of its own: the GPU is lost to it afterwards.
describe('an index out of range', { skip: needsGpuModels }, () => {
  test('says that the process has lost its GPU', async () => {
    const model = await loadGpuModel('embedding.pt', { graphs: false });
    const at = (index: number) => model.run([new Tensor('int64', BigInt64Array.of(BigInt(index)), [1])]);
    assert.deepEqual((await at(3)).output!.shape, [1, 4]);
    await rejects(at(1_000_000), 'INF_DEVICE_FAILED', 'cuda:0', 'start it again');
    await rejects(at(3), 'INF_DEVICE_FAILED');
  });
});
