import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Engine } from '../../engine/engine.js';
import { checkJsonType } from '../http/content-type.js';
import { modelName } from '../http/model-path.js';
import { loadConfig } from '../protocol/load-config.js';
import { type Fields, fieldOf, fieldsOf, flagOf } from '../wire/fields.js';
import { parseJson } from '../wire/infer-request.js';

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
      const ready = flagOf(fieldOf(bodyOf(request), 'ready'), 'ready', false);
      return engine
        .models()
        .filter(({ state }) => !ready || state === 'READY')
        .map(({ name, version, state, reason }) => ({
          name,
          ...(version !== null && { version: String(version) }),
          state,
          reason,
        }));
    },
  );
  scope.post(
    '/v2/repository/models/:model/load',
    { schema: { summary: 'Load a model, or load it anew', tags, body: { type: 'object' } } },
    async (request) => {
      const name = modelName((request.params as { model: string }).model);
      await engine.loadModel(name, loadConfig(name, fieldOf(bodyOf(request), 'parameters')));
      return {};
    },
  );
  scope.post(
    '/v2/repository/models/:model/unload',
    { schema: { summary: 'Unload a model', tags, body: { type: 'object' } } },
    async (request) => {
      const name = modelName((request.params as { model: string }).model);
      bodyOf(request);
      await engine.unloadModel(name);
      return {};
    },
  );
}

/** No body stands for an empty object. */
function bodyOf({ headers, body }: FastifyRequest): Fields {
  checkJsonType(headers);
  const bytes = body as Buffer | undefined;
  return bytes === undefined || bytes.length === 0 ? {} : fieldsOf(parseJson(bytes), 'The request');
}
