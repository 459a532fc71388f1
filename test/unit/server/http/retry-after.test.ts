import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { status } from '@grpc/grpc-js';
import fastify from 'fastify';
import { InfernodeError } from '#src/errors';
import { statusOf } from '#src/server/grpc/status';
import { sendProblem } from '#src/server/http/problem';

const full = (details: { retryAfterMs?: number }) =>
  new InfernodeError('INF_QUEUE_FULL', 'The queue is full', { details });

/** The Retry-After of the answer to this error. */
async function retryAfter(t: TestContext, error: InfernodeError): Promise<unknown> {
  const app = fastify();
  t.after(() => app.close());
  app.setErrorHandler(sendProblem);
  app.get('/', async () => {
    throw error;
  });
  return (await app.inject('/')).headers['retry-after'];
}

test('over HTTP, in whole seconds, one at least', async (t) => {
  for (const [retryAfterMs, seconds] of [
    [0, '1'],
    [999, '1'],
    [1001, '2'],
    [90_000, '90'],
    [Number.POSITIVE_INFINITY, '1'],
  ] as const) {
    assert.equal(await retryAfter(t, full({ retryAfterMs })), seconds);
  }
  assert.equal(await retryAfter(t, full({})), '1');
  assert.equal(await retryAfter(t, new InfernodeError('INF_REQUEST_INVALID', 'no')), undefined);
});

test('over gRPC, in milliseconds, where it is known', () => {
  const { code, metadata } = statusOf(full({ retryAfterMs: 12.5 }));
  assert.equal(code, status.RESOURCE_EXHAUSTED);
  assert.deepEqual(metadata.get('grpc-retry-pushback-ms'), ['13']);
  assert.deepEqual(statusOf(full({})).metadata.get('grpc-retry-pushback-ms'), []);
});
