import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestId, traceParent } from '#src/server/http/trace';

test('ids and traces from clients are taken over only if they are safe', () => {
  assert.equal(requestId({ 'x-request-id': 'abc-1.2:3' }), 'abc-1.2:3');
  for (const id of ['', 'a b', 'a\n', '"', 'a'.repeat(129)]) assert.equal(requestId({ 'x-request-id': id }), undefined);
  assert.equal(requestId({}), undefined);
  const trace = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00`;
  assert.equal(traceParent({ traceparent: trace }), trace);
  assert.equal(traceParent({ traceparent: `${trace}\n` }), undefined);
});
