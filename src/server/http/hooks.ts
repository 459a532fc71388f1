import type { FastifyInstance } from 'fastify';
import type { AccessCheck } from './access.js';
import { compressAnswer } from './compression.js';
import { sendProblem } from './problem.js';
import { requestId, traceParent } from './trace.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Open to everybody: says nothing but whether the server is there. */
    open?: boolean;
    /** Asks whether to send requests here: not to a server that is about to end. */
    readiness?: boolean;
  }
}

/** Makes every route of this scope, and whatever is none, answer as the protocol has it, to those who may ask. */
export function addHooks(scope: FastifyInstance, checkAccess: AccessCheck): void {
  scope.addHook('onRequest', async (request, reply) => {
    const { headers, id, routeOptions } = request;
    reply.header('x-request-id', requestId(headers) ?? id);
    const trace = traceParent(headers);
    if (trace !== undefined) reply.header('traceparent', trace);
    // By route, not by path: there are many ways to write a path.
    if (routeOptions.config.open !== true) checkAccess(request);
  });
  scope.addHook('onSend', compressAnswer);
  scope.setErrorHandler(sendProblem);
}
