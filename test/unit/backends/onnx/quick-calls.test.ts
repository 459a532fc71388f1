import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuickCalls } from '#src/backends/onnx/quick-calls';
import { Tensor } from '#src/tensor/tensor';

const of = (...shape: number[]) => [new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b, 1)), shape)];
const one = of(1, 4);

function after(count: number, ms: number): QuickCalls {
  const calls = new QuickCalls();
  for (let i = 0; i < count; i++) calls.took(one, ms);
  return calls;
}

test('a call is quick after a row of quick ones of its shapes', () => {
  assert.ok(!after(15, 0.01).expects(one, 0));
  assert.ok(after(16, 0.01).expects(one, 0));
  assert.ok(!after(16, 0.2).expects(one, 0));
  assert.ok(!after(16, 0.01).expects(of(2, 4), 0));
  assert.ok(!after(16, 0.01).expects(of(4), 0));
  assert.ok(!after(16, 0.01).expects([...one, ...one], 0));
});

test('those that are there already count too', () => {
  const calls = after(16, 0.03);
  assert.deepEqual(
    [0, 2, 3].map((others) => calls.expects(one, others)),
    [true, true, false],
  );
});

test('other shapes begin a row of their own', () => {
  const calls = after(16, 0.01);
  calls.took(of(2, 4), 0.01);
  assert.ok(!calls.expects(one, 0) && !calls.expects(of(2, 4), 0));
  for (let i = 0; i < 15; i++) calls.took(of(2, 4), 0.01);
  assert.ok(calls.expects(of(2, 4), 0));
});

test('a long one ends the row and makes the next one longer, which many quick ones forgive', () => {
  const calls = after(16, 0.01);
  const rowNeeded = () => {
    let row = 0;
    for (; !calls.expects(one, 0); row++) calls.took(one, 0.01);
    return row;
  };
  calls.took(one, 5);
  assert.equal(rowNeeded(), 32);
  calls.took(one, 5);
  assert.equal(rowNeeded(), 64);
  for (let i = 0; i < 4096; i++) calls.took(one, 0.01);
  calls.took(one, 5);
  assert.equal(rowNeeded(), 64);
});
