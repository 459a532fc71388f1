import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type ModelConfig, parseModelConfig } from '../../config/model-config.js';
import type { Engine } from '../../engine/engine.js';
import { InfernodeError } from '../../errors.js';
import { checkJsonType } from '../http/content-type.js';
import { modelName } from '../http/model-path.js';
import { type Fields, fieldOf, fieldsOf, flagOf, invalidRequest, textOf } from '../wire/fields.js';
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
      await engine.loadModel(name, configOf(bodyOf(request)));
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

/** The content of a model.json that stands in for the model's own. @throws InfernodeError INF_REQUEST_*, INF_MODEL_CONFIG */
export function configOf(body: Fields): ModelConfig | undefined {
  const given = fieldOf(body, 'parameters');
  if (given === undefined) return undefined;
  const parameters = fieldsOf(given, 'parameters');
  const file = Object.keys(parameters).find((name) => name.startsWith('file:'));
  if (file !== undefined) {
    throw new InfernodeError(
      'INF_REQUEST_UNSUPPORTED',
      'Models are loaded from the repository only, not from a request',
      {
        details: { name: 'parameters.file' },
      },
    );
  }
  const text = fieldOf(parameters, 'config');
  if (text === undefined) return undefined;
  const json = parseJson(Buffer.from(textOf(text, 'parameters.config')));
  const { processing, ...rest } = parseModelConfig(json, 'parameters.config');
  if (processing === undefined) return rest;
  const { labels, ...others } = processing;
  // A path from a request would be a way to read files.
  if (typeof labels === 'string') throw invalidRequest('processing.labels', 'an array of labels', labels);
  return { ...rest, processing: { ...others, ...(labels !== undefined && { labels }) } };
}
