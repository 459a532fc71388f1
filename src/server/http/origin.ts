import type { IncomingHttpHeaders } from 'node:http';
import { isIPv4 } from 'node:net';
import { InfernodeError } from '../../errors.js';

/** The names under which a browser on this machine finds a server that listens on loopback. */
export const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]'];

/** Whether only programs of this machine can reach a server that listens there. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

/**
 * Refuses what a page of another origin makes a browser send. Without API keys, nothing else stands between such a page and
 * a server on loopback.
 *
 * @param allowed host names, without ports; null for any, where requests must still come from pages of the same host
 * @throws InfernodeError INF_FORBIDDEN
 */
export function checkOrigin(headers: IncomingHttpHeaders, writes: boolean, allowed: readonly string[] | null): void {
  const host = headers.host === undefined ? undefined : hostName(headers.host);
  // DNS rebinding: the name is the attacker's, the address is ours.
  if (allowed !== null && host !== undefined && !allowed.includes(host)) {
    throw new InfernodeError('INF_FORBIDDEN', 'The Host is not one that this server answers to; see allowedHosts', {
      details: { name: 'Host', expected: allowed.join(', '), given: host.slice(0, 100) },
    });
  }
  const { origin } = headers;
  if (!writes || origin === undefined) return;
  const from = URL.canParse(origin) ? new URL(origin).hostname : '';
  if (from !== '' && (from === host || allowed?.includes(from))) return;
  throw new InfernodeError('INF_FORBIDDEN', 'Pages of other origins may not call this server; see allowedHosts', {
    details: { name: 'Origin', given: origin.slice(0, 100) },
  });
}

/** `localhost` of `localhost:8080`, `[::1]` of `[::1]:8080`. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase();
}
