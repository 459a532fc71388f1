import assert from 'node:assert/strict';
import { type ServiceError, status } from '@grpc/grpc-js';
import { ERRORS, type ErrorCode } from '#src/errors';

/** Asserts that a call fails with this code, with the status that belongs to it, and that its message says all of these things. */
export async function refuses(call: Promise<unknown>, code: ErrorCode, ...says: string[]): Promise<ServiceError> {
  const error = await call.then(
    () => assert.fail(`the call succeeded, expected ${code}`),
    (thrown: ServiceError) => thrown,
  );
  assert.deepEqual(error.metadata?.get('infernode-code'), [code], error.message);
  assert.equal(status[error.code], ERRORS[code].grpc);
  for (const part of says) assert.ok(error.details.includes(part), `"${error.details}" does not say ${part}`);
  return error;
}
