import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { InfernodeError } from '../../errors.js';

/**
 * A check whether a request brings one of the keys, as `Authorization: Bearer` or `X-API-Key`. It takes as long for a wrong
 * key as for a right one, whatever they have in common.
 *
 * @throws InfernodeError INF_OPTION_INVALID for keys that no request can bring
 */
export function keyCheck(keys: readonly string[]): (headers: IncomingHttpHeaders) => boolean {
  const hashes = keys.map((key) => {
    // What a header can carry: visible characters.
    if (typeof key !== 'string' || !/^[\x21-\x7e]+$/.test(key)) {
      throw new InfernodeError('INF_OPTION_INVALID', 'API keys are made of visible ASCII characters', {
        details: { name: 'apiKeys' },
      });
    }
    return hash(key);
  });
  return (headers) => {
    const given = keyOf(headers);
    if (given === undefined) return false;
    const digest = hash(given);
    let found = false;
    for (const known of hashes) found = timingSafeEqual(known, digest) || found;
    return found;
  };
}

function keyOf({ authorization, 'x-api-key': key }: IncomingHttpHeaders): string | undefined {
  const [, bearer] = /^bearer +(\S+) *$/i.exec(authorization ?? '') ?? [];
  return bearer ?? (typeof key === 'string' ? key : undefined);
}

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
