import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InfernodeError } from '#src/errors';
import { problemOf } from '#src/server/http/problem';

describe('what a client is told of an error', () => {
  test('is its message, code and status', () => {
    const error = new InfernodeError('INF_QUEUE_FULL', 'The queue is full');
    assert.deepEqual(problemOf(error), { status: 503, code: 'INF_QUEUE_FULL', message: 'The queue is full' });
  });

  test('is nothing of the inside', () => {
    const secret = /secret/;
    const bugs = [new TypeError('secret'), new InfernodeError('INF_INTERNAL', 'secret'), 'secret', null, undefined];
    for (const bug of bugs) {
      const { status, code, message } = problemOf(bug);
      assert.deepEqual([status, code], [500, 'INF_INTERNAL']);
      assert.doesNotMatch(message, secret);
    }
    const stack =
      'The model failed: too small\nTraceback of TorchScript (most recent call last):\n  File "/secret/model.py"';
    const { message } = problemOf(new InfernodeError('INF_MODEL_FAILED', stack));
    assert.equal(message, 'The model failed: too small');
  });
});
