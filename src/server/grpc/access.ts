import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { InfernodeError } from '../../errors.js';
import { keyCheck } from '../http/api-keys.js';
import { statusOf } from './status.js';

/** What anyone may ask: whether the server is there. */
const OPEN = new Set([
  '/inference.GRPCInferenceService/ServerLive',
  '/inference.GRPCInferenceService/ServerReady',
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
]);

/** Ends calls without one of the keys before their message is read. @throws InfernodeError INF_OPTION_INVALID */
export function requireKey(apiKeys: readonly string[]): ServerInterceptor {
  const mayEnter = keyCheck(apiKeys);
  return ({ path }, call) => {
    if (OPEN.has(path)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, forward) => {
            if (mayEnter(headersOf(metadata))) forward(metadata);
            else call.sendStatus(statusOf(REFUSAL));
          },
        }),
    });
  };
}

const REFUSAL = new InfernodeError(
  'INF_UNAUTHENTICATED',
  'An API key is needed, in metadata "authorization: Bearer KEY" or "x-api-key: KEY"',
);

function headersOf(metadata: Metadata): Record<string, string> {
  const headers = ['authorization', 'x-api-key'].flatMap((name) =>
    metadata.get(name).map((value) => [name, String(value)]),
  );
  return Object.fromEntries(headers);
}
