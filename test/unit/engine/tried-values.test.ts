import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load } from 'infernode';
import { fixture, needsTorch } from '../../support/torch.js';

const warm = { warmup: 1, threads: 1 } as const;

test('a trial tells dtypes and shapes of a TorchScript model', { skip: needsTorch }, async () => {
  await using linear = await load(fixture('layer-linear.pt'), warm);
  assert.deepEqual(linear.tried, {
    inputs: [{ name: 'x', dtype: 'float32', shape: [1, 5] }],
    outputs: [{ name: 'output', dtype: 'float32', shape: [1, 2] }],
  });
  await using batched = await load(fixture('layer-linear.pt'), { ...warm, batching: true });
  assert.deepEqual(batched.tried?.outputs, [{ name: 'output', dtype: 'float32', shape: [null, 2] }]);
});

test('sizes that another trial shows to vary are null', { skip: needsTorch }, async () => {
  await using model = await load(fixture('identity.pt'), { ...warm, batching: true });
  const pictures = [null, 3, null, null];
  assert.deepEqual(model.tried?.inputs, [{ name: 'x', dtype: 'float32', shape: pictures }]);
  assert.deepEqual(
    model.tried.outputs.map(({ shape }) => shape),
    [pictures, pictures],
  );
});

test('nothing is told of a model that was not tried, or that declares it all', async () => {
  await using cold = await load(fixture('tiny.onnx'));
  assert.equal(cold.tried, null);
  await using declared = await load(fixture('tiny.onnx'), warm);
  assert.equal(declared.tried, null);
});
