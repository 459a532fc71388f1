import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { ERRORS } from '../../errors.js';
import { problemOf, retryAfterMs } from '../http/problem.js';

/** The key of the trailing metadata that carries the code of an error. */
const CODE_KEY = 'infernode-code';

/** Tells clients that try again by themselves how long to wait, as gRPC has it. */
const RETRY_KEY = 'grpc-retry-pushback-ms';

/** It travels in a header, which must have an end. */
const LONGEST_MESSAGE = 2000;

/** The status that a call ends with. */
export function statusOf(error: unknown): StatusObject {
  const { code, message } = problemOf(error);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, code);
  const retryMs = retryAfterMs(error);
  if (retryMs !== undefined) metadata.set(RETRY_KEY, String(Math.ceil(retryMs)));
  return { code: status[ERRORS[code].grpc], details: writable(message), metadata };
}

/** Whether an error is the fault of the server or of a model. */
export function isServerError(error: unknown): boolean {
  return ERRORS[problemOf(error).code].grpc === 'INTERNAL';
}

/** Half of a surrogate pair cannot be written in a header. */
function writable(message: string): string {
  const text = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}...` : message;
  return text.replace(/\p{Surrogate}/gu, '\u{FFFD}');
}
