import type { FastifyInstance } from 'fastify';
import { InfernodeError } from '../../errors.js';
import type { InferencePluginOptions } from '../options.js';
import { keyCheck } from './api-keys.js';
import { compressAnswer } from './compression.js';
import { checkOrigin } from './origin.js';
import { sendProblem } from './problem.js';
import { requestId, traceParent } from './trace.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Open to everybody: says nothing but whether the server is there. */
    open?: boolean;
  }
}

/** Makes every route of this scope, and whatever is none, answer as the protocol has it, to those who may ask. */
export function addHooks(scope: FastifyInstance, { apiKeys = [], allowedHosts }: InferencePluginOptions): void {
  const hasKey = keyCheck(apiKeys);
  scope.addHook('onRequest', async ({ headers, id, method, routeOptions }, reply) => {
    reply.header('x-request-id', requestId(headers) ?? id);
    const trace = traceParent(headers);
    if (trace !== undefined) reply.header('traceparent', trace);
    // By route, not by path: there are many ways to write a path.
    if (routeOptions.config.open === true) return;
    if (apiKeys.length === 0) {
      checkOrigin(headers, method !== 'GET' && method !== 'HEAD', allowedHosts ?? null);
    } else if (!hasKey(headers)) {
      throw new InfernodeError(
        'INF_UNAUTHENTICATED',
        'An API key is needed: Authorization: Bearer KEY, or X-API-Key: KEY',
      );
    }
  });
  scope.addHook('onSend', compressAnswer);
  scope.setErrorHandler(sendProblem);
}
