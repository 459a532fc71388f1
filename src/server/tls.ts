import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { InfernodeError, messageOf } from '../errors.js';
import { checkOptions, checkRequired, type Rule } from './check-options.js';

/** What a server shows to its clients, and what it wants to see of them; all in PEM. */
export interface TlsOptions {
  /** The server's certificate, and after it those between it and the authority. */
  readonly cert: string | Buffer;
  /** Its private key. */
  readonly key: string | Buffer;
  /** Certificates of an authority: clients must show one of its. Without it they show none. */
  readonly ca?: string | Buffer;
}

const pem: Rule = {
  expected: 'PEM, as text or bytes',
  holds: (value) => (typeof value === 'string' || value instanceof Uint8Array) && value.length > 0,
};

/** The rule of the option `tls`; `checkTls` says more. */
export const tlsRule: Rule = {
  expected: 'an object of cert, key and ca',
  holds: (value) => typeof value === 'object' && value !== null,
};

/** Finds what would come to light when the first client calls. @throws InfernodeError INF_OPTION_INVALID */
export function checkTls(tls: TlsOptions | undefined): void {
  if (tls === undefined) return;
  checkOptions(tls, { cert: pem, key: pem, ca: pem }, 'tls.');
  checkRequired(tls, ['cert', 'key'], 'tls.');
  const { cert, key, ca } = tls;
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw invalid('tls', `the certificate and its key cannot be used: ${messageOf(cause)}`, cause);
  }
  try {
    if (ca !== undefined) new X509Certificate(ca);
  } catch (cause) {
    throw invalid('tls.ca', `there is no certificate in it: ${messageOf(cause)}`, cause);
  }
}

function invalid(name: string, problem: string, cause: unknown): InfernodeError {
  return new InfernodeError('INF_OPTION_INVALID', `Option ${name}: ${problem}`, { cause, details: { name } });
}
