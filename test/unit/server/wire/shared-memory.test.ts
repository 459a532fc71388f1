import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkInRequest } from '#src/server/wire/shared-memory';
import { throws } from '../../../support/expect-error.js';

test('a tensor in shared memory is refused by its name', () => {
  checkInRequest({ binary_data_size: 4, shared_memory_region: null }, 'inputs[0]');
  const error = throws(
    () => checkInRequest({ shared_memory_region: 'r' }, 'inputs[0]'),
    'INF_REQUEST_UNSUPPORTED',
    'Shared memory',
  );
  assert.equal(error.details.name, 'inputs[0]');
});
