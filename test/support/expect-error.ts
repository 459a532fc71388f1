import assert from 'node:assert/strict';
import { type ErrorCode, InfernodeError } from 'infernode';

/** Asserts that an error has this code and that its message says all of these things. */
export function assertCode(error: unknown, code: ErrorCode, ...says: (string | RegExp)[]): InfernodeError {
  assert.ok(error instanceof InfernodeError, `not an InfernodeError: ${String(error)}`);
  assert.equal(error.code, code, error.message);
  for (const part of says) {
    const found = typeof part === 'string' ? error.message.includes(part) : part.test(error.message);
    assert.ok(found, `"${error.message}" does not say ${part}`);
  }
  return error;
}

/** Asserts that a promise is rejected with this code; returns the error. */
export async function rejects(
  promise: Promise<unknown>,
  code: ErrorCode,
  ...says: (string | RegExp)[]
): Promise<InfernodeError> {
  const error = await promise.then(
    () => assert.fail(`nothing was thrown, expected ${code}`),
    (thrown: unknown) => thrown,
  );
  return assertCode(error, code, ...says);
}

/** Asserts that a function throws this code; returns the error. */
export function throws(run: () => unknown, code: ErrorCode, ...says: (string | RegExp)[]): InfernodeError {
  let error: unknown;
  try {
    run();
  } catch (thrown) {
    error = thrown;
  }
  return assertCode(error, code, ...says);
}
