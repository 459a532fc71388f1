import { InfernodeError } from '../errors.js';
import { didYouMean } from './suggest.js';

/** What is wrong with the names in an object of options; undefined if nothing is. */
export function unknownOption(options: unknown, known: readonly string[]): InfernodeError | undefined {
  if (typeof options !== 'object' || options === null) return invalidOption('Options are an object');
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  return unknown === undefined
    ? undefined
    : invalidOption(`There is no option "${unknown}"${didYouMean(unknown, known)}`);
}

/** An option is not what it must be. */
export function wrongOption(name: string, expected: string, given: unknown): InfernodeError {
  return new InfernodeError('INF_OPTION_INVALID', `Option ${name} must be ${expected}; given: ${String(given)}`, {
    details: { name, expected, given: String(given) },
  });
}

export function invalidOption(message: string): InfernodeError {
  return new InfernodeError('INF_OPTION_INVALID', message);
}
