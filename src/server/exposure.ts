import { InfernodeError } from '../errors.js';
import { isLoopback } from './http/origin.js';
import type { TlsOptions } from './tls.js';

/** Whom a server lets in. */
export interface Access {
  readonly apiKeys?: readonly string[];
  readonly insecure?: boolean;
  readonly tls?: TlsOptions;
}

/** Whether anybody on other machines may use a server that listens there, though the user has not said so. */
export function isExposed(host: string, { apiKeys = [], insecure = false, tls }: Access): boolean {
  return !isLoopback(host) && apiKeys.length === 0 && tls?.ca === undefined && !insecure;
}

/**
 * Other machines must bring a key or a certificate, unless the user wants it otherwise.
 * @throws InfernodeError INF_OPTION_INVALID
 */
export function checkExposure(host: string, access: Access): void {
  if (!isExposed(host, access)) return;
  throw new InfernodeError(
    'INF_OPTION_INVALID',
    `Without API keys, anybody who reaches ${host} could use the models; give apiKeys, or insecure: true`,
    { details: { name: 'host', expected: 'a loopback address, apiKeys, tls.ca, or insecure', given: host } },
  );
}
