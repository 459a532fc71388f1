import type { FastifyInstance } from 'fastify';
import { SERVER_METADATA } from '../protocol/metadata.js';

/** Describes the routes that are added after this: OpenAPI at /docs/json, and a page at /docs. */
export async function addDocs(scope: FastifyInstance): Promise<void> {
  const [{ default: swagger }, { default: swaggerUi }] = await Promise.all([
    import('@fastify/swagger'),
    import('@fastify/swagger-ui'),
  ]);
  await scope.register(swagger, {
    // Shared schemas keep their names.
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => String($id ?? `def-${index}`) },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Infernode',
        version: SERVER_METADATA.version,
        description: 'Open Inference Protocol v2, with the extensions that GET /v2 lists.',
      },
    },
  });
  await scope.register(swaggerUi, { routePrefix: '/docs', staticCSP: true });
}
