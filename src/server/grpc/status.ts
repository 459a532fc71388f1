import { Metadata, type StatusObject, status } from '@grpc/grpc-js';
import { InfernodeError, messageOf } from '../../errors.js';

/** The key of the trailing metadata that carries the code of an error. */
const CODE_KEY = 'infernode-code';

/** It travels in a header, which must have an end. */
const LONGEST_MESSAGE = 2000;

/** Any error as an InfernodeError. */
export function toInfernodeError(error: unknown): InfernodeError {
  if (error instanceof InfernodeError) return error;
  return new InfernodeError('INF_INTERNAL', messageOf(error), { cause: error });
}

/** The status that a call ends with. */
export function statusOf(error: unknown): StatusObject {
  const { code, grpcCode, message } = toInfernodeError(error);
  const metadata = new Metadata();
  metadata.set(CODE_KEY, code);
  return { code: status[grpcCode], details: shortened(message), metadata };
}

/** Half of a surrogate pair cannot be written in a header. */
function shortened(message: string): string {
  const text = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}...` : message;
  return text.replace(/\p{Surrogate}/gu, '\u{FFFD}');
}
