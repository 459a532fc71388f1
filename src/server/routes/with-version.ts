import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from 'fastify';
import { modelName, modelVersion } from '../http/model-path.js';

/** Which model a request is for. */
export interface ModelPath {
  readonly name: string;
  /** Undefined for the newest. */
  readonly version: number | undefined;
}

type Handler = (path: ModelPath, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>;

/** Adds a route of a model, with and without a version in its path. */
export function addModelRoute(
  scope: FastifyInstance,
  method: 'GET' | 'POST',
  suffix: string,
  options: RouteShorthandOptions,
  handler: Handler,
): void {
  for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    scope.route({
      ...options,
      method,
      url: path + suffix,
      handler: (request, reply) => {
        const { model, version } = request.params as { model: string; version?: string };
        return handler({ name: modelName(model), version: modelVersion(version) }, request, reply);
      },
    });
  }
}
