import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuickCalls } from '#src/backends/onnx/quick-calls';
import { Tensor } from '#src/tensor/tensor';

const of = (...shape: number[]) => [new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b, 1)), shape)];
const one = of(1, 4);

function after(count: number, ms: number, isHere = true): QuickCalls {
  const calls = new QuickCalls();
  for (let i = 0; i < count; i++) calls.took(one, ms, isHere);
  return calls;
}

/** How many quick calls in a row it takes until they are expected to be so. */
function rowNeeded(calls: QuickCalls, isHere = true): number {
  let row = 0;
  for (; !calls.expects(one, 0); row++) calls.took(one, 0.01, isHere);
  return row;
}

test('a call is quick after a row of quick ones of its shapes', () => {
  assert.ok(!after(15, 0.01).expects(one, 0));
  assert.ok(after(16, 0.01).expects(one, 0));
  assert.ok(!after(16, 0.2).expects(one, 0));
  assert.ok(!after(16, 0.01).expects(of(2, 4), 0));
  assert.ok(!after(16, 0.01).expects(of(4), 0));
  assert.ok(!after(16, 0.01).expects([...one, ...one], 0));
});

test('what takes less than two milliseconds by way of a worker is tried, and stays if it is quick here', () => {
  assert.ok(!after(16, 2, false).expects(one, 0));
  const calls = after(16, 0.15, false);
  for (let i = 0; i < 1000; i++) {
    assert.ok(calls.expects(one, 0));
    // The first ones find nothing in the caches.
    calls.took(one, i < 3 ? 0.2 : 0.09, true);
  }
});

/** For how many calls they are tried on the caller's thread, of which each takes so long there. */
function triedFor(calls: QuickCalls, ms: number): number {
  let count = 0;
  for (; calls.expects(one, 0) && count < 100; count++) calls.took(one, ms, true);
  return count;
}

test('what is not so quick stays if the worker takes twice as long', () => {
  assert.equal(triedFor(after(16, 0.9, false), 0.4), 100);
  assert.ok(triedFor(after(16, 0.6, false), 0.4) < 100);
  assert.ok(triedFor(after(16, 1.9, false), 0.6) < 100);
});

test('what is not quick here goes back to the worker, for twice as many calls each time', () => {
  const calls = after(16, 0.4, false);
  for (const needed of [32, 64, 128, 256, 256]) {
    const count = triedFor(calls, 0.5);
    assert.ok(count > 0 && count < 8, String(count));
    assert.equal(rowNeeded(calls, false), needed);
  }
});

test('those that are there already count too', () => {
  const calls = after(16, 0.03);
  assert.deepEqual(
    [0, 14, 20].map((others) => calls.expects(one, others)),
    [true, true, false],
  );
});

test('shapes have rows of their own, sixteen at the most', () => {
  const calls = after(16, 0.01);
  calls.took(of(2, 4), 0.01, true);
  assert.ok(calls.expects(one, 0) && !calls.expects(of(2, 4), 0));
  for (let i = 0; i < 15; i++) calls.took(of(2, 4), 0.01, true);
  assert.ok(calls.expects(one, 0) && calls.expects(of(2, 4), 0));
  for (let rows = 3; rows < 17; rows++) calls.took(of(rows, 4), 0.01, true);
  assert.ok(calls.expects(one, 0));
  calls.took(of(17, 4), 0.01, true);
  assert.ok(!calls.expects(one, 0) && calls.expects(of(2, 4), 0));
});

test('a long one asks for a row as much longer, and twice as long each time that it did not last', () => {
  const calls = after(16, 0.01);
  calls.took(one, 1.5, true);
  assert.equal(rowNeeded(calls), 64);
  calls.took(one, 1.5, true);
  assert.equal(rowNeeded(calls), 128);
  for (let i = 0; i < 1000; i++) calls.took(one, 0.01, true);
  calls.took(one, 100, true);
  assert.equal(rowNeeded(calls), 16 * 100 * 2);
  for (let i = 0; i < 40; i++) calls.took(one, 1e9, true);
  assert.equal(rowNeeded(calls), 2 ** 20);
});

test('a long one after many others is forgiven, and makes up for earlier ones', () => {
  const calls = after(16, 0.01);
  for (const needed of [64, 128]) {
    calls.took(one, 1.5, true);
    assert.equal(rowNeeded(calls), needed);
  }
  for (let times = 0; times < 2; times++) {
    for (let i = 0; i < 256; i++) calls.took(one, 0.01, true);
    calls.took(one, 9, true);
    assert.ok(calls.expects(one, 0));
  }
  for (let i = 0; i < 255; i++) calls.took(one, 0.01, true);
  calls.took(one, 1.5, true);
  assert.equal(rowNeeded(calls), 64);
});

test('one that was long in the worker counts in the average only', () => {
  const calls = after(15, 0.01, false);
  calls.took(one, 100, false);
  assert.ok(!calls.expects(one, 0));
  assert.ok(rowNeeded(calls, false) < 32);
});
