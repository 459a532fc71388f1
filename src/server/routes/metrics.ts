import type { FastifyInstance } from 'fastify';
import type { Engine } from '../../engine/engine.js';
import type { MetricsObserver } from '../metrics/metrics-observer.js';

/** What Prometheus reads. */
export function addMetricsRoute(scope: FastifyInstance, engine: Engine, metrics: MetricsObserver): void {
  scope.get(
    '/metrics',
    { schema: { summary: 'Metrics for Prometheus', tags: ['statistics'], produces: ['text/plain'] } },
    async (_request, reply) => {
      reply.type(metrics.registry.contentType);
      return metrics.render(engine);
    },
  );
}
