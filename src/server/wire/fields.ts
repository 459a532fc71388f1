import { describeValue } from '../../config/schema.js';
import { InfernodeError } from '../../errors.js';

/** A parsed JSON object whose fields are not known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** The error of a request that does not follow the protocol. */
export function invalidRequest(what: string, expected: string, given: unknown): InfernodeError {
  const shown = given === undefined ? 'missing' : describeValue(given);
  return new InfernodeError('INF_REQUEST_INVALID', `${what} must be ${expected}, not ${shown}`, {
    details: { name: what, expected, given: shown },
  });
}

/** The error of a tensor whose data are not what its dtype and shape say. */
export function invalidTensor(name: string, expected: string, given: string, cause?: unknown): InfernodeError {
  return new InfernodeError('INF_REQUEST_INVALID', `Tensor "${name}": expected ${expected}, got ${given}`, {
    cause,
    details: { name, expected, given },
  });
}

/** @throws InfernodeError INF_REQUEST_INVALID */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidRequest(what, 'an object', value);
  return value as Fields;
}

/** The named field of an object; undefined where it is missing or null. What objects inherit does not count. */
export function fieldOf(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? (fields[name] ?? undefined) : undefined;
}

/** @throws InfernodeError INF_REQUEST_INVALID */
export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw invalidRequest(what, 'a non-empty string', value);
  return value;
}

/** A whole number from 0; `absent` where the field is missing. @throws InfernodeError INF_REQUEST_INVALID */
export function countOf<Absent>(value: unknown, what: string, absent: Absent): number | Absent {
  if (value === undefined) return absent;
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw invalidRequest(what, 'a whole number from 0', value);
  return value as number;
}

/** `absent` where the field is missing. @throws InfernodeError INF_REQUEST_INVALID */
export function flagOf(value: unknown, what: string, absent: boolean): boolean {
  if (value === undefined) return absent;
  if (typeof value !== 'boolean') throw invalidRequest(what, 'true or false', value);
  return value;
}

/** @throws InfernodeError INF_REQUEST_INVALID */
export function checkTensorCount(list: readonly unknown[], what: 'inputs' | 'outputs', most: number): void {
  if (list.length <= most) return;
  throw new InfernodeError('INF_REQUEST_INVALID', `A request may have ${most} ${what}, not ${list.length}`, {
    details: { name: what, expected: `at most ${most}`, given: String(list.length) },
  });
}
