import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/engine.js';
import type { AccessCheck } from '../http/access.js';
import { checkLive, checkReady } from '../protocol/readiness.js';

/** Whether the server is there, and whether it can work. */
export function addHealthRoutes(scope: FastifyInstance, engine: Engine, checkAccess: AccessCheck): void {
  const config = { open: true };
  // Names and paths are not for everybody.
  const isTrusted = (request: FastifyRequest): boolean => {
    try {
      checkAccess(request);
      return true;
    } catch {
      return false;
    }
  };
  scope.get(
    '/v2/health/live',
    { config, schema: { summary: 'Whether the server runs, and need not be started again', tags: ['health'] } },
    async () => {
      checkLive(engine);
      return { live: true };
    },
  );
  scope.get(
    '/v2/health/ready',
    {
      config: { ...config, readiness: true },
      schema: { summary: 'Whether all models that were to be loaded at the start are ready', tags: ['health'] },
    },
    async (request) => {
      checkReady(engine, isTrusted(request));
      return { ready: true };
    },
  );
}
