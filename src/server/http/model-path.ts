import { invalidRequest } from '../wire/fields.js';

const MOST_CHARACTERS = 256;

/** The name of a model from a URL. @throws InfernodeError INF_REQUEST_INVALID for what can be no name, or a way out of a folder */
export function modelName(given: string): string {
  const fits = given !== '' && given.length <= MOST_CHARACTERS && given.trim() === given;
  if (!fits || /[/\\\p{C}]/u.test(given) || /^\.+$/.test(given)) {
    throw invalidRequest('The name of a model', `up to ${MOST_CHARACTERS} characters, no path`, given);
  }
  return given;
}

/** The version of a model from a URL; undefined for the newest. @throws InfernodeError INF_REQUEST_INVALID */
export function modelVersion(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(given)) throw invalidRequest('The version of a model', 'a whole number from 1', given);
  return Number(given);
}
