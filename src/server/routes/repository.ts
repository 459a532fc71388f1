import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/engine.js';
import { jsonBody } from '../http/json-body.js';
import { modelName } from '../http/model-path.js';
import { loadConfig } from '../protocol/load-config.js';
import { repositoryIndex } from '../protocol/repository-index.js';
import { fieldOf, flagOf } from '../wire/fields.js';

/** Which models there are, loaded or not, and loading and unloading them. */
export function addRepositoryRoutes(scope: FastifyInstance, engine: Engine): void {
  const tags = ['repository'];
  scope.post(
    '/v2/repository/index',
    {
      schema: {
        summary: 'All models, loaded or not',
        tags,
        body: { type: 'object', properties: { ready: { type: 'boolean' } } },
      },
    },
    async (request) => {
      const ready = flagOf(fieldOf(jsonBody(request), 'ready'), 'ready', false);
      return repositoryIndex(engine, ready);
    },
  );
  scope.post(
    '/v2/repository/models/:model/load',
    { schema: { summary: 'Load a model, or load it anew', tags, body: { type: 'object' } } },
    async (request) => {
      const name = modelName((request.params as { model: string }).model);
      await engine.loadModel(name, loadConfig(name, fieldOf(jsonBody(request), 'parameters')));
      return {};
    },
  );
  scope.post(
    '/v2/repository/models/:model/unload',
    { schema: { summary: 'Unload a model', tags, body: { type: 'object' } } },
    async (request) => {
      const name = modelName((request.params as { model: string }).model);
      jsonBody(request);
      await engine.unloadModel(name);
      return {};
    },
  );
}
