import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { ByteBudget } from '../engine/batching/byte-budget.js';
import { accessCheck } from './http/access.js';
import { readBody } from './http/body.js';
import { addHooks } from './http/hooks.js';
import { HttpError } from './http/problem.js';
import { checkPluginOptions, DEFAULTS, type InferencePluginOptions } from './options.js';
import { addDocs } from './routes/docs.js';
import { addHealthRoutes } from './routes/health.js';
import { addInferRoute } from './routes/infer.js';
import { addMetricsRoute } from './routes/metrics.js';
import { addModelRoutes } from './routes/models.js';
import { addRepositoryRoutes } from './routes/repository.js';
import { addSettingsRoutes } from './routes/settings.js';
import { addSharedMemoryRoutes } from './routes/shared-memory.js';

/**
 * A Fastify plugin that speaks the Open Inference Protocol for an engine: `app.register(inferencePlugin, { engine })`. It
 * keeps to itself: hooks, error handler and parsers hold for its own routes only.
 *
 * @throws InfernodeError INF_OPTION_INVALID
 */
export async function inferencePlugin(scope: FastifyInstance, options: InferencePluginOptions): Promise<void> {
  checkPluginOptions(options);
  await addInference(scope, options);
}

/** As `inferencePlugin`, with options that have been checked. */
export async function addInference(scope: FastifyInstance, options: InferencePluginOptions): Promise<void> {
  const { engine, metrics, docs = true, bodyLimit = DEFAULTS.bodyLimit } = options;
  const arriving = new ByteBudget(options.maxArrivingBytes ?? DEFAULTS.maxArrivingBytes);
  const checkAccess = accessCheck(options);
  addHooks(scope, checkAccess);
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (request: FastifyRequest, payload: IncomingMessage) =>
    readBody(payload, request.headers, bodyLimit, arriving),
  );
  // The schemas are documentation. Requests are checked by code that knows the errors of the protocol.
  scope.setValidatorCompiler(() => () => true);
  scope.setSerializerCompiler(() => (data) => JSON.stringify(data));
  scope.addSchema({
    $id: 'Error',
    type: 'object',
    required: ['error'],
    properties: { error: { type: 'string' } },
  });
  if (docs && !scope.hasDecorator('swagger')) await addDocs(scope);
  const methods = collectMethods(scope);
  addHealthRoutes(scope, engine, checkAccess);
  addModelRoutes(scope, engine);
  addInferRoute(scope, options);
  addRepositoryRoutes(scope, engine);
  addSettingsRoutes(scope);
  addSharedMemoryRoutes(scope);
  if (metrics !== undefined) addMetricsRoute(scope, engine, metrics);
  refuseOtherMethods(scope, methods());
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

/** Notes the methods of the routes that are added from now on, by path. */
function collectMethods(scope: FastifyInstance): () => ReadonlyMap<string, ReadonlySet<string>> {
  const methods = new Map<string, Set<string>>();
  let done = false;
  scope.addHook('onRoute', ({ routePath, method }: RouteOptions & { routePath: string }) => {
    if (done) return;
    const known = methods.get(routePath) ?? new Set<string>();
    methods.set(routePath, known);
    for (const one of [method].flat()) known.add(one);
  });
  return () => {
    done = true;
    return methods;
  };
}

/** Answers 405 where there is a route, but not by this method. */
function refuseOtherMethods(scope: FastifyInstance, methods: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, known] of methods) {
    const allow = [...known].join(', ');
    scope.route({
      url,
      method: METHODS.filter((method) => !known.has(method)),
      schema: { hide: true },
      // Before the body is read.
      onRequest: async (_request, reply) => {
        reply.header('allow', allow);
        throw new HttpError(405, `This route takes ${allow}`);
      },
      handler: async () => {},
    });
  }
}
