import type { IncomingHttpHeaders } from 'node:http';
import { HttpError } from './problem.js';

/**
 * Refuses the types that a page of another origin can send unasked: forms and plain text. Clients of the protocol send JSON
 * under its own type, as octets, or under none.
 *
 * @throws HttpError 415
 */
export function checkJsonType(headers: IncomingHttpHeaders): void {
  const given = headers['content-type'];
  if (given === undefined) return;
  const type = given.split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'application/json' || type === 'application/octet-stream' || /^application\/[\w.-]+\+json$/.test(type))
    return;
  throw new HttpError(415, 'The Content-Type must be application/json');
}
