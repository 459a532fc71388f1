import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/engine.js';
import { modelMetadata, SERVER_METADATA } from '../protocol/metadata.js';
import { modelStatistics, statisticsOf } from '../protocol/model-statistics.js';
import { tritonConfig } from '../protocol/triton-config.js';
import { addModelRoute } from './with-version.js';

/** What server and models say of themselves. */
export function addModelRoutes(scope: FastifyInstance, engine: Engine): void {
  scope.get('/v2', { schema: { summary: 'Server metadata', tags: ['metadata'] } }, async () => SERVER_METADATA);

  const metadata = { schema: { summary: 'Inputs, outputs, versions and platform of a model', tags: ['metadata'] } };
  addModelRoute(scope, 'GET', '', metadata, async ({ name, version }) => modelMetadata(engine.model(name, version)));

  const ready = { config: { readiness: true }, schema: { summary: 'Whether a model is ready', tags: ['health'] } };
  addModelRoute(scope, 'GET', '/ready', ready, async ({ name, version }) => {
    engine.model(name, version);
    return { name, ready: true };
  });

  const config = { schema: { summary: "A model in the words of Triton's ModelConfig", tags: ['metadata'] } };
  addModelRoute(scope, 'GET', '/config', config, async ({ name, version }) =>
    tritonConfig(engine.model(name, version)),
  );

  scope.get(
    '/v2/models/stats',
    { schema: { summary: 'What all models have done', tags: ['statistics'] } },
    async () => ({ model_stats: engine.served().map(modelStatistics) }),
  );

  const statistics = { schema: { summary: 'What a model has done, by version', tags: ['statistics'] } };
  addModelRoute(scope, 'GET', '/stats', statistics, async ({ name, version }) => ({
    model_stats: statisticsOf(engine, name, version),
  }));
}
