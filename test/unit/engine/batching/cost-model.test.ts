import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CostModel } from '#src/engine/batching/cost-model';

/** After two calls of each size, for the first one hardly counts. */
function fitted(cost: (rows: number) => number, sizes: readonly number[]): CostModel {
  const model = new CostModel();
  for (const rows of [...sizes, ...sizes]) model.add(rows, cost(rows));
  return model;
}

function close(actual: number, expected: number): void {
  assert.ok(Math.abs(actual - expected) < 1e-6 * Math.max(1, expected), `${actual} is not ${expected}`);
}

test('knows nothing at first, and a proportion from one size', () => {
  assert.equal(new CostModel().expectMs(4), null);
  const model = fitted((rows) => 3 * rows, [2, 2, 2]);
  assert.equal(model.estimate, null);
  assert.equal(model.expectMs(8), 24);
  assert.equal(model.usefulRows(), Number.POSITIVE_INFINITY);
});

test('finds the fixed part and the part of each row', () => {
  const { fixedMs, perRowMs } = fitted((rows) => 8 + 12 * rows, [1, 2, 4, 8, 1, 3]).estimate!;
  close(fixedMs, 8);
  close(perRowMs, 12);
});

test('neither part is negative', () => {
  assert.deepEqual(fitted((rows) => 10 - rows, [1, 2, 3]).estimate!.perRowMs, 0);
  assert.deepEqual(fitted((rows) => rows * rows, [1, 2, 8]).estimate!.fixedMs, 0);
});

test('recent calls count for more', () => {
  const model = fitted((rows) => 1 + rows, [1, 2, 4]);
  for (let call = 0; call < 600; call++) model.add(1 + (call % 4), 5 + 3 * (1 + (call % 4)));
  assert.ok(Math.abs(model.estimate!.fixedMs - 5) < 0.1, String(model.estimate!.fixedMs));
});

test('rows are worth joining while the fixed part is a share of the call, or the call is short', () => {
  assert.equal(fitted((rows) => 10 + 100 * rows, [1, 2, 4]).usefulRows(), 1);
  assert.equal(fitted((rows) => 200 + 100 * rows, [1, 2, 4]).usefulRows(), 38);
  assert.equal(fitted((rows) => 1e-9 + 0.25 * rows, [1, 2, 4]).usefulRows(), 39);
});

test('rows that cost more together than alone are not worth joining, however short the call', () => {
  assert.equal(fitted((rows) => 0.2 * rows ** 1.5, [1, 5]).usefulRows(), 1);
  assert.ok(fitted((rows) => 0.2 * rows ** 1.05, [1, 5]).usefulRows() > 1);
});

test('rows are worth joining if that saves more than they cost together: the call itself', () => {
  assert.ok(fitted((rows) => 0.02 * rows ** 1.5, [1, 5]).usefulRows() > 1);
});

test('rows that were found to cost more together are tried again, ever more seldom', () => {
  const model = fitted((rows) => 0.1 * rows ** 2, [1, 5]);
  const tries: number[] = [];
  for (let call = 0; call < 100_000; call++) {
    const rows = model.usefulRows();
    if (rows > 1) tries.push(call);
    model.add(rows, 0.1 * rows ** 2);
  }
  const pauses = tries.map((call, index) => call - (tries[index - 1] ?? 0)).filter((pause) => pause > 1);
  assert.ok(pauses.length > 4 && pauses.length < 16, String(pauses));
  assert.deepEqual(pauses.slice(0, 4).map(Math.log2).map(Math.round), [5, 6, 7, 8]);
  assert.ok(tries.length < 200, String(tries.length));
});

test('one stall does not make rows dear for good', () => {
  const model = fitted((rows) => rows, [1, 5]);
  model.add(5, 1000);
  let calls = 0;
  for (; model.usefulRows() < 5; calls++) model.add(model.usefulRows(), model.usefulRows());
  assert.ok(calls < 10_000, String(calls));
});

test('the first call of a size may take longer', () => {
  const cost = (rows: number) => 5 + 8 * rows;
  const model = fitted(cost, [1, 5]);
  const useful = model.usefulRows();
  model.add(4, cost(4) + 48);
  assert.equal(model.usefulRows(), useful);
  model.add(3, cost(3) / 2);
  assert.ok(model.expectMs(3)! < cost(3));
});

test('single rows alone do not hide for good that more would pay', () => {
  const cost = (rows: number) => 5 + 8 * rows;
  const model = fitted((rows) => 13 * rows, [1, 4]);
  let calls = 0;
  for (; model.usefulRows() < 8; calls++) model.add(model.usefulRows(), cost(model.usefulRows()));
  assert.ok(calls < 1000, String(calls));
});

test('a stall in a quick call changes next to nothing', () => {
  const model = fitted((rows) => 0.02 + 0.001 * rows, [1, 8, 1, 8, 1, 2]);
  model.add(8, 25);
  assert.ok(model.expectMs(8)! < 0.1, String(model.expectMs(8)));
  assert.ok(model.usefulRows() > 100, String(model.usefulRows()));
});

test('a model that has become slow is known as such soon', () => {
  const model = fitted((rows) => rows, [1, 2, 4]);
  for (let call = 0; call < 150; call++) model.add(1 + (call % 4), 100 * (1 + (call % 4)));
  assert.ok(model.expectMs(2)! > 180, String(model.expectMs(2)));
  const quick = fitted(() => 0, [1, 2, 4]);
  for (let call = 0; call < 300; call++) quick.add(1, 5);
  assert.ok(quick.expectMs(1)! > 4, String(quick.expectMs(1)));
});
