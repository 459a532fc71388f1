import { InfernodeError } from '../errors.js';
import { describeValue } from './schema.js';
import { didYouMean } from './suggest.js';

/**
 * What is wrong with the names in an object of options; undefined if nothing is.
 *
 * @param within what names are prefixed with in messages: `tls.`
 */
export function unknownOption(options: unknown, known: readonly string[], within = ''): InfernodeError | undefined {
  if (typeof options !== 'object' || options === null) return invalidOption('Options are an object');
  for (const name of Object.keys(options)) if (!known.includes(name)) return unknownError(name, known, within);
  return undefined;
}

function unknownError(unknown: string, known: readonly string[], within: string): InfernodeError {
  const [name, expected] = [within + unknown, known.join(', ')];
  const hint = didYouMean(unknown, known) || `; there are ${expected}`;
  return invalidOption(`There is no option "${name}"${hint}`, { name, expected });
}

/** An option is not what it must be. */
export function wrongOption(name: string, expected: string, value: unknown): InfernodeError {
  const given = describeValue(value);
  return invalidOption(`Option ${name} must be ${expected}, not ${given}`, { name, expected, given });
}

export function invalidOption(message: string, details: Readonly<Record<string, string>> = {}): InfernodeError {
  return new InfernodeError('INF_OPTION_INVALID', message, { details });
}
