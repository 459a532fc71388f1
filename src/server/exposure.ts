import { InfernodeError } from '../errors.js';
import { isLoopback } from './http/origin.js';

/** Whom a server lets in. */
export interface Access {
  readonly apiKeys?: readonly string[];
  readonly insecure?: boolean;
}

/**
 * Other machines must bring a key, unless the user wants it otherwise.
 * @throws InfernodeError INF_OPTION_INVALID
 */
export function checkExposure(host: string, { apiKeys = [], insecure = false }: Access): void {
  if (isLoopback(host) || apiKeys.length > 0 || insecure) return;
  throw new InfernodeError(
    'INF_OPTION_INVALID',
    `Without API keys, anybody who reaches ${host} could use the models; give apiKeys, or insecure: true`,
    { details: { name: 'host', expected: 'a loopback address, apiKeys, or insecure', given: host } },
  );
}
