import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRuntime, formatsOf } from '#src/cli/check-runtime';
import { rejects } from '../../support/expect-error.js';
import { needsTorch } from '../../support/torch.js';

test('what can be run follows from the backend', () => {
  assert.deepEqual(formatsOf({ backend: 'onnx', device: 'auto' }), ['onnx']);
  assert.deepEqual(formatsOf({ backend: 'auto', device: 'auto' }), ['torchscript', 'aotinductor', 'onnx']);
});

test('what no model could be run with is refused', async () => {
  await checkRuntime({ backend: 'auto', device: 'cpu' });
  await checkRuntime({ backend: 'onnx', device: 'cpu' });
  await rejects(checkRuntime({ backend: 'onnx', device: 'cuda' }), 'INF_DEVICE_UNAVAILABLE', 'cuda:0', 'cpu');
  // More than any machine has.
  await rejects(checkRuntime({ backend: 'auto', device: 'cuda:999' }), 'INF_DEVICE_UNAVAILABLE', 'cuda:999');
  // The reason why torch has no GPU, or does not work.
  const why = needsTorch ? 'the torch backend is unavailable: ' : 'cpu: ';
  await rejects(checkRuntime({ backend: 'auto', device: 'cuda:999' }), 'INF_DEVICE_UNAVAILABLE', why);
  const nowhere = { device: 'auto', libtorch: '/no/such/libtorch' } as const;
  await rejects(checkRuntime({ backend: 'torch', ...nowhere }), 'INF_BACKEND_UNAVAILABLE', '/no/such/libtorch');
  await rejects(checkRuntime({ backend: 'auto', ...nowhere }), 'INF_BACKEND_UNAVAILABLE', '/no/such/libtorch');
});
