import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelInfo } from '#src/backends/backend';
import { isQuantized } from '#src/conversion/is-quantized';

const withOps = (...ops: string[]) => ({ ops: Object.fromEntries(ops.map((op) => [op, 1])) }) as unknown as ModelInfo;

test('one quantized operation makes a quantized model', () => {
  for (const op of [
    'quantized::linear_dynamic',
    'quantized::conv2d_relu',
    'QLinearConv',
    'QuantizeLinear',
    'DynamicQuantizeLinear',
    'MatMulInteger',
    'ConvInteger',
    'com.microsoft.QLinearAdd',
    'com.microsoft.QGemm',
    'com.microsoft.DynamicQuantizeMatMul',
  ]) {
    assert.equal(isQuantized(withOps('aten::relu', 'Relu', op)), true, op);
  }
});

test('float operations do not', () => {
  const ops = ['aten::conv2d', 'aten::quantile', 'Conv', 'MatMul', 'Equal', 'Quantile', 'Sqrt', 'ai.onnx.ml.Scaler'];
  assert.equal(isQuantized(withOps(...ops)), false);
  assert.equal(isQuantized(withOps()), false);
});
