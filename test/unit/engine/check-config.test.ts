import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ModelInfo, Signature, ValueInfo } from '#src/backends/backend';
import type { ModelConfig } from '#src/config/model-config';
import { checkConfig } from '#src/engine/check-config';
import { throws } from '../../support/expect-error.js';

const tensor = (name: string, others: Partial<ValueInfo> = {}): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype: null,
  shape: null,
  optional: false,
  type: 'Tensor',
  ...others,
});

const signature: Signature = {
  inputs: [
    tensor('image', { dtype: 'float32', shape: ['batch', 3, null, 64] }),
    { ...tensor('pair'), kind: 'tuple', items: [tensor('pair.0'), tensor('pair.1')] },
    { ...tensor('table'), kind: 'dict', items: [tensor('table.*')] },
  ],
  outputs: [tensor('scores', { dtype: 'float32', shape: ['...', 10] })],
};

const check = (config: ModelConfig, signatureSource: ModelInfo['signatureSource'] = 'declared') =>
  checkConfig(config, { signatureSource } as ModelInfo, signature);

describe('what model.json says is held against the model', () => {
  test('what agrees, or leaves open, passes', () => {
    check({});
    check({ inputs: [{ name: 'image', dtype: 'float32', shape: [8, 3, 64, 64] }] });
    check({
      inputs: [
        { name: 'image', shape: [null, 'c', 'h', 'w'] },
        { name: 'pair.1', dtype: 'int64' },
      ],
    });
    check({ inputs: [{ name: 'table.any' }], outputs: [{ name: 'scores', shape: [10] }] });
  });

  test('names that the model has not', () => {
    throws(() => check({ inputs: [{ name: 'imgae' }] }), 'INF_MODEL_CONFIG', 'inputs[0].name', 'image, pair.0, pair.1');
    throws(() => check({ outputs: [{ name: 'scores' }, { name: 'x' }] }), 'INF_MODEL_CONFIG', 'outputs[1].name');
  });

  test('other dtypes, numbers of dimensions and sizes', () => {
    throws(
      () => check({ inputs: [{ name: 'image', dtype: 'int8' }] }),
      'INF_MODEL_CONFIG',
      'inputs[0].dtype',
      'float32',
    );
    throws(() => check({ inputs: [{ name: 'image', shape: [3, 64, 64] }] }), 'INF_MODEL_CONFIG', 'inputs[0].shape');
    throws(
      () => check({ inputs: [{ name: 'image', shape: [null, 1, null, null] }] }),
      'INF_MODEL_CONFIG',
      '[batch, 3, -1, 64]',
    );
  });

  test('a guess of ours does not overrule it', () => {
    assert.doesNotThrow(() => check({ inputs: [{ name: 'image', dtype: 'int8', shape: [1] }] }, 'derived'));
  });
});
