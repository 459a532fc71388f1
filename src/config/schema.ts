import { type ErrorCode, InfernodeError } from '../errors.js';
import { didYouMean } from './suggest.js';

/** Where a value stands: the file, and its path inside (`processing.image.mean[1]`; empty for the whole). */
export interface Place {
  readonly file: string;
  readonly path: string;
  /** The code of the errors raised here. */
  readonly code: ErrorCode;
}

/** Turns parsed JSON into a `T`, or throws an error that names the place, what was expected and what was given. */
export type Check<T> = (value: unknown, place: Place) => T;

/** Throws the error of a value that is not what was expected. */
export function reject(place: Place, expected: string, value: unknown, hint = ''): never {
  const given = describeValue(value);
  const what = place.path === '' ? 'the file' : place.path;
  throw new InfernodeError(place.code, `${place.file}: ${what} must be ${expected}, not ${given}${hint}`, {
    details: { file: place.file, path: place.path, expected, given },
  });
}

/** An object whose keys are all optional and all known. A key that begins with `$` (`$schema`) is left to editors. */
export function object<T extends object>(fields: { readonly [K in keyof T]-?: Check<T[K]> }): Check<Partial<T>> {
  return (value, place) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) reject(place, 'an object', value);
    const known = Object.keys(fields);
    const result: Partial<T> = {};
    for (const [key, item] of Object.entries(value)) {
      if (key.startsWith('$')) continue;
      const path = place.path === '' ? key : `${place.path}.${key}`;
      if (!known.includes(key)) rejectKey(place, path, key, known);
      result[key as keyof T] = fields[key as keyof T](item, { ...place, path });
    }
    return result;
  };
}

function rejectKey(place: Place, path: string, key: string, known: string[]): never {
  const expected = known.join(', ');
  const hint = didYouMean(key, known) || `; known keys: ${expected}`;
  throw new InfernodeError(place.code, `${place.file}: unknown key ${path}${hint}`, {
    details: { file: place.file, path, expected: `one of ${expected}`, given: key },
  });
}

/** An array of such items; `expected` says what in errors. */
export function array<T>(item: Check<T>, expected: string): Check<T[]> {
  return (value, place) => {
    if (!Array.isArray(value)) reject(place, expected, value);
    return value.map((element, index) => item(element, { ...place, path: `${place.path}[${index}]` }));
  };
}

/** One of the given words. */
export function oneOf<const T extends string>(words: readonly T[]): Check<T> {
  return (value, place) => {
    if (words.includes(value as T)) return value as T;
    const hint = typeof value === 'string' ? didYouMean(value, words) : '';
    return reject(place, words.map((word) => JSON.stringify(word)).join(', '), value, hint);
  };
}

/** A finite number, at least `min`. */
export function number(min = Number.NEGATIVE_INFINITY): Check<number> {
  const expected = min === Number.NEGATIVE_INFINITY ? 'a number' : `a number of at least ${min}`;
  return (value, place) =>
    typeof value === 'number' && Number.isFinite(value) && value >= min ? value : reject(place, expected, value);
}

/** A safe integer, at least `min`. */
export function integer(min: number): Check<number> {
  return (value, place) =>
    Number.isSafeInteger(value) && (value as number) >= min
      ? (value as number)
      : reject(place, `an integer of at least ${min}`, value);
}

/** A text with at least one character. */
export const text: Check<string> = (value, place) =>
  typeof value === 'string' && value !== '' ? value : reject(place, 'a non-empty string', value);

export const boolean: Check<boolean> = (value, place) =>
  typeof value === 'boolean' ? value : reject(place, 'true or false', value);

/** A value as it can stand in a message: as JSON where that is short. */
export function describeValue(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  // Of other values than texts JSON has nothing, or null: of NaN, of a bigint.
  const json = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return json.length > 60 ? `${json.slice(0, 57)}...` : json;
}
