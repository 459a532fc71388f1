import { invalidOption, unknownOption, wrongOption } from '../config/option-errors.js';

/** What the value of an option must be. */
export interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

/**
 * Checks options given by a program: names and values. What is undefined counts as not given.
 *
 * @param within what names are prefixed with in messages: `tls.`
 * @throws InfernodeError INF_OPTION_INVALID
 */
export function checkOptions(options: unknown, rules: Readonly<Record<string, Rule>>, within = ''): void {
  const mistake = unknownOption(options, Object.keys(rules), within);
  if (mistake !== undefined) throw mistake;
  for (const [name, value] of Object.entries(options as object)) {
    const { holds, expected } = rules[name]!;
    if (value !== undefined && !holds(value)) throw wrongOption(within + name, expected, value);
  }
}

/** What must be there. @throws InfernodeError INF_OPTION_INVALID */
export function checkRequired(options: object, names: readonly string[], within = ''): void {
  for (const name of names) {
    if ((options as Record<string, unknown>)[name] !== undefined) continue;
    throw invalidOption(`Option ${within}${name} is missing`, { name: within + name, given: 'nothing' });
  }
}

export function whole(least: number, most = 2 ** 31 - 1): Rule {
  return {
    expected: `a whole number from ${least} to ${most}`,
    holds: (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most,
  };
}

export function oneOf(words: readonly string[]): Rule {
  return { expected: `one of ${words.join(', ')}`, holds: (value) => words.includes(value as string) };
}

export const port = whole(0, 65_535);

export const flag: Rule = { expected: 'true or false', holds: (value) => typeof value === 'boolean' };

export const text: Rule = {
  expected: 'a non-empty string',
  holds: (value) => typeof value === 'string' && value !== '',
};

export const texts: Rule = {
  expected: 'an array of strings',
  holds: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
};

export const callable: Rule = { expected: 'a function', holds: (value) => typeof value === 'function' };

/** An object with such a method; also one of another copy of this package. */
export function having(method: string, expected: string): Rule {
  return { expected, holds: (value) => typeof (value as Record<string, unknown> | null)?.[method] === 'function' };
}

export const anEngine = having('infer', 'an Engine, as Engine.open gives it');
