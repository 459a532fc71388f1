import { InfernodeError } from '../../errors.js';

/**
 * The version that a request names: a positive integer in its shortest form; undefined, the newest, if it names none.
 * @throws InfernodeError INF_REQUEST_INVALID
 */
export function parseVersion(text: string): number | undefined {
  if (text === '') return undefined;
  const version = /^[1-9]\d*$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(version)) return version;
  const given = JSON.stringify(text.slice(0, 40));
  throw new InfernodeError('INF_REQUEST_INVALID', `A model's version is a positive integer, not ${given}`, {
    details: { expected: 'a positive integer', given },
  });
}
