import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeGpus } from '#src/backends/torch/gpu-facts';

test('a build for CPUs says how to get another', () => {
  assert.deepEqual(describeGpus({ unavailable: 'built without CUDA' }), { unavailable: 'built without CUDA' });
});

test('versions and GPUs, as far as they are known', () => {
  const gpus = [
    { device: 'cuda:0', name: 'NVIDIA H100 80GB HBM3', memoryBytes: 84_930_002_944, capability: '9.0' },
    { device: 'cuda:1' },
  ];
  assert.deepEqual(describeGpus({ built: '13.0', runtime: '13.0', driver: '13.1', cudnn: '9.24.0', gpus }), {
    cuda: 'built with 13.0, library 13.0, driver for 13.1',
    cudnn: '9.24.0',
    'cuda:0': 'NVIDIA H100 80GB HBM3, 79.1 GiB, compute capability 9.0',
    'cuda:1': 'unknown',
  });
});

test('no driver and no cuDNN', () => {
  const facts = { built: '13.0', runtime: '13.0', driver: 'none', cudnn: '', gpus: [], unavailable: 'no driver' };
  assert.deepEqual(describeGpus(facts), {
    cuda: 'built with 13.0, library 13.0, driver not found',
    cudnn: 'not found',
    unavailable: 'no driver',
  });
});
