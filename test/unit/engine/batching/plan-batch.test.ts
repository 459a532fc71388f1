import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BatchingConfig } from '#src/config/batching';
import { type BatchSituation, planBatch } from '#src/engine/batching/plan-batch';
import { settlePolicy } from '#src/engine/batching/policy';
import { throws } from '../../../support/expect-error.js';

const anyRows = { rows: 64, reason: '', isCertain: true };

function plan(config: BatchingConfig, situation: Partial<BatchSituation>): ReturnType<typeof planBatch> {
  const policy = settlePolicy(config, anyRows, Number.POSITIVE_INFINITY);
  return planBatch(policy, {
    rows: [1],
    waitedMs: 0,
    usefulRows: Number.POSITIVE_INFINITY,
    fixedMs: 0,
    gapMs: Number.POSITIVE_INFINITY,
    ...situation,
  });
}

describe('without load nothing waits', () => {
  test('as long as no second request is expected', () => {
    assert.deepEqual(plan({ maxSize: 8, maxDelayMs: 100 }, { fixedMs: 50 }), { count: 1, rows: 1, reason: 'idle' });
  });

  test('nor where a larger batch saves less than waiting costs', () => {
    const situation = { rows: [1, 1], fixedMs: 2, gapMs: 1 };
    assert.deepEqual(plan({ maxSize: 8, maxDelayMs: 100 }, situation), { count: 2, rows: 2, reason: 'idle' });
  });
});

describe('under load', () => {
  test('a batch waits for the next request while that saves more than it costs', () => {
    assert.deepEqual(plan({ maxSize: 8, maxDelayMs: 100 }, { rows: [1, 1], fixedMs: 4, gapMs: 1 }), { waitMs: 2 });
  });

  test('but never beyond its delay', () => {
    const situation = { rows: [1, 1], fixedMs: 40, gapMs: 5, waitedMs: 7 };
    assert.deepEqual(plan({ maxSize: 8, maxDelayMs: 10 }, situation), { waitMs: 3 });
    const late = { ...situation, waitedMs: 10 };
    assert.deepEqual(plan({ maxSize: 8, maxDelayMs: 10 }, late), { count: 2, rows: 2, reason: 'delay' });
  });

  test('a full one goes', () => {
    assert.deepEqual(plan({ maxSize: 3 }, { rows: [2, 2] }), { count: 1, rows: 2, reason: 'full' });
    assert.deepEqual(plan({ maxSize: 3 }, { rows: [2, 1, 1] }), { count: 2, rows: 3, reason: 'full' });
  });
});

test('batches that nobody asked for stay as small as is useful', () => {
  const rows = [1, 1, 1, 1];
  assert.deepEqual(plan({}, { rows, usefulRows: 2 }), { count: 2, rows: 2, reason: 'full' });
  assert.deepEqual(plan({ maxSize: 4 }, { rows, usefulRows: 2 }), { count: 4, rows: 4, reason: 'full' });
  assert.deepEqual(plan({}, { rows: [5, 1], usefulRows: 2 }), { count: 1, rows: 5, reason: 'full' });
});

test('preferred sizes go at once, others at the end of the delay', () => {
  const config = { maxSize: 8, preferredSizes: [6, 2], maxDelayMs: 10 };
  assert.deepEqual(plan(config, { rows: [1, 1, 1] }), { count: 2, rows: 2, reason: 'preferred' });
  assert.deepEqual(plan(config, { rows: [1, 2, 3, 2] }), { count: 3, rows: 6, reason: 'preferred' });
  assert.deepEqual(plan(config, { rows: [3] }), { waitMs: 10 });
  assert.deepEqual(plan(config, { rows: [3, 1], waitedMs: 11 }), { count: 2, rows: 4, reason: 'delay' });
});

describe('a policy', () => {
  const settle = (config: BatchingConfig, joinable = anyRows) => settlePolicy(config, joinable, 16);

  test('has 32 rows where nobody says more, and what the model takes at the most', () => {
    assert.equal(settle({}).maxSize, 32);
    assert.equal(settle({ padTo: [48] }).maxSize, 48);
    assert.equal(settle({}, { ...anyRows, rows: 15 }).maxSize, 15);
    assert.equal(settle({ maxSize: 64 }).maxSize, 64);
    assert.equal(settle({}).maxQueue, 16);
  });

  test('cannot contradict the model or itself', () => {
    const single = { rows: 1, reason: 'it takes one', isCertain: true };
    throws(() => settle({ maxSize: 2 }, single), 'INF_MODEL_CONFIG', 'it takes one');
    throws(() => settle({ maxSize: 4, padTo: [8] }), 'INF_MODEL_CONFIG', '8');
    throws(() => settle({ preferredSizes: [65] }), 'INF_MODEL_CONFIG', '65');
    assert.equal(settle({ maxSize: 2 }, { ...single, isCertain: false }).maxSize, 2);
  });
});
