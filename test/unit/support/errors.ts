import { type ErrorCode, InfernodeError } from '#src/errors';

/** For assert.throws and assert.rejects: an InfernodeError of this code, whose message fits. */
export function coded(code: ErrorCode, message: RegExp = /./): (error: unknown) => boolean {
  return (error) => {
    if (error instanceof InfernodeError && error.code === code && message.test(error.message)) return true;
    throw error;
  };
}
