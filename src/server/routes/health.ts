import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/engine.js';
import { InfernodeError } from '../../errors.js';

/** Whether the server is there, and whether it can work. */
export function addHealthRoutes(scope: FastifyInstance, engine: Engine): void {
  const config = { open: true };
  scope.get(
    '/v2/health/live',
    { config, schema: { summary: 'Whether the server runs', tags: ['health'] } },
    async () => ({ live: true }),
  );
  scope.get(
    '/v2/health/ready',
    {
      config,
      schema: { summary: 'Whether all models that were to be loaded at the start are ready', tags: ['health'] },
    },
    async () => {
      if (engine.ready) return { ready: true };
      throw new InfernodeError('INF_MODEL_NOT_READY', 'The server is not ready');
    },
  );
}
