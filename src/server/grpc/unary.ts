import type { handleUnaryCall } from '@grpc/grpc-js';
import { InfernodeError, messageOf } from '../../errors.js';
import type { Patience } from './infer.js';
import type { Decode } from './service-definition.js';
import { isServerError, statusOf } from './status.js';

/** Answers one request; what it throws becomes the status of the call. */
export type Answer<Request> = (request: Request, patience: Patience) => unknown;

/** Requests that carry no tensors. */
const MAX_CONTROL_BYTES = 4 * 2 ** 20;

/** Is told of errors that are not the client's. */
export type Report = (error: unknown) => void;

/** A handler of a unary method. */
export function unary<Request>(decode: (bytes: Buffer) => Request, answer: Answer<Request>, report: Report) {
  const handle: handleUnaryCall<Buffer, unknown> = (call, callback) => {
    const cancel = new AbortController();
    // The event comes at the end of every call.
    const abort = () => cancel.abort();
    if (call.cancelled) abort();
    else call.once('cancelled', abort);
    const respond = async () =>
      answer(decode(call.request), { deadline: Number(call.getDeadline()), signal: cancel.signal });
    respond()
      .finally(() => call.off('cancelled', abort))
      .then(
        (response) => callback(null, response),
        (error: unknown) => {
          if (isServerError(error)) report(error);
          callback(statusOf(error));
        },
      );
  };
  return handle;
}

/** A handler of a unary method whose requests are small. */
export function control<Request>(decode: Decode, answer: Answer<Request>, report: Report) {
  return unary((bytes) => decodeControl(decode, bytes) as Request, answer, report);
}

/** @throws InfernodeError INF_REQUEST_TOO_LARGE, INF_REQUEST_INVALID */
function decodeControl(decode: Decode, bytes: Buffer): unknown {
  if (bytes.byteLength > MAX_CONTROL_BYTES) {
    throw new InfernodeError(
      'INF_REQUEST_TOO_LARGE',
      `The request has ${bytes.byteLength} bytes; without tensors it may have ${MAX_CONTROL_BYTES}`,
    );
  }
  try {
    return decode(bytes);
  } catch (cause) {
    throw new InfernodeError('INF_REQUEST_INVALID', `The request cannot be decoded: ${messageOf(cause)}`, { cause });
  }
}
