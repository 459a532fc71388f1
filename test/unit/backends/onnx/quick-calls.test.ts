import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QuickCalls } from '#src/backends/onnx/quick-calls';
import { Tensor } from '#src/tensor/tensor';

const of = (...shape: number[]) => [new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b, 1)), shape)];
const one = of(1, 4);

function afterHere(count: number, ms: number): QuickCalls {
  const calls = new QuickCalls();
  for (let i = 0; i < count; i++) calls.tookHere(one, ms);
  return calls;
}

function afterWorker(count: number, ms: number, ownMs: number): QuickCalls {
  const calls = new QuickCalls();
  for (let i = 0; i < count; i++) calls.tookByWorker(one, ms, ownMs);
  return calls;
}

/** How many quick calls in a row it takes until they are expected to be so. */
function rowNeeded(calls: QuickCalls, took = () => calls.tookHere(one, 0.01)): number {
  let row = 0;
  for (; !calls.expects(one, 0); row++) took();
  return row;
}

function rowNeededInWorker(calls: QuickCalls): number {
  return rowNeeded(calls, () => calls.tookByWorker(one, 0.01, 0.01));
}

test('a call is quick after a row of quick ones of its shapes', () => {
  assert.ok(!afterHere(15, 0.01).expects(one, 0));
  assert.ok(afterHere(16, 0.01).expects(one, 0));
  assert.ok(!afterHere(16, 0.2).expects(one, 0));
  assert.ok(!afterHere(16, 0.01).expects(of(2, 4), 0));
  assert.ok(!afterHere(16, 0.01).expects(of(4), 0));
  assert.ok(!afterHere(16, 0.01).expects([...one, ...one], 0));
});

test('shapes are alike whose sizes have as many bits', () => {
  const calls = new QuickCalls();
  for (let rows = 17; rows <= 32; rows++) calls.tookHere(of(rows, 4), 0.01);
  const known = [1, 2, 4, 16, 17, 24, 32, 33].filter((rows) => calls.expects(of(rows, 4), 0));
  assert.deepEqual(known, [17, 24, 32]);
  assert.ok(!calls.expects(of(17, 5), 0) && !calls.expects(of(17, 2), 0) && calls.expects(of(17, 3), 0));
  assert.ok(!calls.expects(of(0, 4), 0));
});

test('what takes a worker less than a millisecond is tried, and stays if it is quick here', () => {
  assert.ok(!afterWorker(16, 1, 1).expects(one, 0));
  const calls = afterWorker(16, 5, 0.9);
  for (let i = 0; i < 1000; i++) {
    assert.ok(calls.expects(one, 0));
    // The first ones find nothing in the caches.
    calls.tookHere(one, i < 3 ? 0.2 : 0.09);
  }
});

/** For how many calls they are tried on the caller's thread, of which each takes so long there. */
function triedFor(calls: QuickCalls, ms: number): number {
  let count = 0;
  for (; calls.expects(one, 0) && count < 100; count++) calls.tookHere(one, ms);
  return count;
}

test('what is not so quick stays if the worker takes twice as long', () => {
  assert.equal(triedFor(afterWorker(16, 0.9, 0.4), 0.4), 100);
  assert.ok(triedFor(afterWorker(16, 0.6, 0.4), 0.4) < 100);
  assert.ok(triedFor(afterWorker(16, 1.9, 0.6), 0.6) < 100);
});

test('what is not quick here goes back to the worker, for twice as many calls each time', () => {
  const calls = afterWorker(16, 0.4, 0.3);
  for (const needed of [32, 64, 128, 256, 256]) {
    const count = triedFor(calls, 0.5);
    assert.ok(count > 0 && count < 8, String(count));
    assert.equal(rowNeededInWorker(calls), needed);
  }
});

test('those that are there already count too', () => {
  const calls = afterHere(16, 0.03);
  assert.deepEqual(
    [0, 14, 20].map((others) => calls.expects(one, others)),
    [true, true, false],
  );
});

test('shapes have rows of their own, sixteen at the most', () => {
  const calls = afterHere(16, 0.01);
  calls.tookHere(of(2, 4), 0.01);
  assert.ok(calls.expects(one, 0) && !calls.expects(of(2, 4), 0));
  for (let i = 0; i < 15; i++) calls.tookHere(of(2, 4), 0.01);
  assert.ok(calls.expects(one, 0) && calls.expects(of(2, 4), 0));
  for (let bits = 2; bits < 16; bits++) calls.tookHere(of(2 ** bits, 4), 0.01);
  assert.ok(calls.expects(one, 0));
  calls.tookHere(of(2 ** 16, 4), 0.01);
  assert.ok(!calls.expects(one, 0) && calls.expects(of(2, 4), 0));
});

test('a long one asks for a row as much longer, and twice as long each time that it did not last', () => {
  const calls = afterHere(16, 0.01);
  calls.tookHere(one, 1.5);
  assert.equal(rowNeeded(calls), 64);
  calls.tookHere(one, 1.5);
  assert.equal(rowNeeded(calls), 128);
  for (let i = 0; i < 1000; i++) calls.tookHere(one, 0.01);
  calls.tookHere(one, 100);
  assert.equal(rowNeeded(calls), 16 * 100 * 2);
  for (let i = 0; i < 40; i++) calls.tookHere(one, 1e9);
  assert.equal(rowNeeded(calls), 2 ** 20);
});

test('a long one after many others is forgiven, and makes up for earlier ones', () => {
  const calls = afterHere(16, 0.01);
  for (const needed of [64, 128]) {
    calls.tookHere(one, 1.5);
    assert.equal(rowNeeded(calls), needed);
  }
  for (let times = 0; times < 2; times++) {
    for (let i = 0; i < 256; i++) calls.tookHere(one, 0.01);
    calls.tookHere(one, 9);
    assert.ok(calls.expects(one, 0));
  }
  for (let i = 0; i < 255; i++) calls.tookHere(one, 0.01);
  calls.tookHere(one, 1.5);
  assert.equal(rowNeeded(calls), 64);
});

test('one that was long in the worker counts in the average only', () => {
  const calls = afterWorker(15, 0.01, 0.01);
  calls.tookByWorker(one, 100, 100);
  assert.ok(!calls.expects(one, 0));
  assert.ok(rowNeededInWorker(calls) < 40);
});
