import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { InfernodeError } from '../../errors.js';
import { statusOf } from './status.js';

/** What anyone may ask: whether the server is there. */
const OPEN = new Set([
  '/inference.GRPCInferenceService/ServerLive',
  '/inference.GRPCInferenceService/ServerReady',
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
]);

/**
 * Refuses to listen to other machines unless callers must show a key, or the user wants it so.
 * @throws InfernodeError INF_OPTION_INVALID
 */
export function checkAddress(host: string, apiKeys: readonly string[], insecure: boolean): void {
  if (isLoopback(host) || apiKeys.length > 0 || insecure) return;
  throw new InfernodeError(
    'INF_OPTION_INVALID',
    `Listening on ${host} lets other machines in: give API keys, or say that it may be insecure`,
    { details: { name: 'host', expected: 'a loopback address, API keys, or insecure', given: host } },
  );
}

/** Ends calls without one of the keys before their message is read. */
export function requireKey(apiKeys: readonly string[]): ServerInterceptor {
  const digests = apiKeys.map(digestOf);
  const knows = (key: string): boolean => {
    const digest = digestOf(key);
    // All of them, whichever fits: the time must not tell.
    return digests.filter((known) => timingSafeEqual(known, digest)).length > 0;
  };
  return ({ path }, call) => {
    if (OPEN.has(path)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            const keys = keysOf(metadata);
            if (keys.some(knows)) forward(metadata);
            else call.sendStatus(statusOf(refusal(keys.length > 0)));
          },
        }),
    });
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function keysOf(metadata: Metadata): string[] {
  const bearer = metadata.get('authorization').flatMap((value) => /^Bearer +(\S+)$/i.exec(String(value))?.[1] ?? []);
  return [...bearer, ...metadata.get('x-api-key').map(String)];
}

function refusal(given: boolean): InfernodeError {
  const message = given
    ? 'The API key is not known'
    : 'An API key is needed: metadata "authorization: Bearer KEY" or "x-api-key: KEY"';
  return new InfernodeError('INF_UNAUTHENTICATED', message);
}

function digestOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
