import { InfernodeError } from '../../errors.js';
import type { WireError } from './wire.js';

/** The error as plain data. A cause that cannot be cloned would lose the whole answer, so only plain Errors cross. */
export function toWireError(error: InfernodeError): WireError {
  const { cause } = error;
  const plain = cause instanceof Error ? Object.assign(new Error(cause.message), { stack: cause.stack }) : undefined;
  return { code: error.code, message: error.message, details: error.details, cause: plain };
}

/** The error again, with a stack of this thread. */
export function fromWireError({ code, message, details, cause }: WireError): InfernodeError {
  return new InfernodeError(code, message, { cause, details });
}
