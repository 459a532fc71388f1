import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dim, InputValue, ValueInfo } from '#src/backends/backend';
import { planCalls } from '#src/cli/run-calls';
import type { GivenInput } from '#src/cli/run-inputs';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

const row = (width = 2) => new Tensor('float32', new Float32Array(width), [1, width]);

function given(shape: readonly Dim[] | null, values: InputValue[], maxShape?: (number | null)[]): GivenInput {
  const info: ValueInfo = {
    name: 'x',
    kind: 'tensor',
    dtype: 'float32',
    shape,
    optional: false,
    type: 'tensor',
    ...(maxShape ? { maxShape } : {}),
  };
  return { name: 'x', info, sources: values.map((_, index) => `file${index}`), values };
}

function batches(...inputs: GivenInput[]): unknown[] {
  return planCalls(inputs).map(({ inputs: { x }, files }) => [(x as Tensor).shape, files]);
}

test('one value is one call', () => {
  assert.deepEqual(batches(given(['n', 2], [row()])), [[[1, 2], []]]);
});

test('several values are one batch where the model takes any', () => {
  const want = [
    [
      [3, 2],
      ['file0', 'file1', 'file2'],
    ],
  ];
  assert.deepEqual(batches(given(['n', 2], [row(), row(), row()])), want);
  assert.deepEqual(batches(given(null, [row(), row(), row()])), want);
  assert.deepEqual(batches(given([3, 2], [row(), row(), row()])), want);
});

test('a fixed batch means a call each, a bounded one as few as it allows', () => {
  assert.deepEqual(batches(given([1, 2], [row(), row()])), [
    [[1, 2], ['file0']],
    [[1, 2], ['file1']],
  ]);
  assert.deepEqual(batches(given([null, 2], [row(), row(), row()], [2, null])), [
    [
      [2, 2],
      ['file0', 'file1'],
    ],
    [[1, 2], ['file2']],
  ]);
});

test('values of different shapes get a call each', () => {
  assert.deepEqual(batches(given(['n', 'm'], [row(2), row(3)])), [
    [[1, 2], ['file0']],
    [[1, 3], ['file1']],
  ]);
});

test('beside other inputs, every value has its own call', () => {
  const other: GivenInput = { ...given([], [5]), name: 'sr' };
  const calls = planCalls([given(['n', 2], [row(), row()]), other]);
  assert.deepEqual(
    calls.map(({ inputs }) => inputs.sr),
    [5, 5],
  );
  const both: GivenInput = { ...given(['n', 2], [row(), row()]), name: 'y' };
  throws(() => planCalls([given(['n', 2], [row(), row()]), both]), 'INF_OPTION_INVALID', /x and y/);
});
