import type { FastifyInstance } from 'fastify';
import { noSharedMemory } from '../wire/shared-memory.js';

/** There is no shared memory: nothing is registered, nothing can be, and there is nothing to unregister. */
export function addSharedMemoryRoutes(scope: FastifyInstance): void {
  const schema = (summary: string) => ({ schema: { summary, tags: ['shared memory'] } });
  for (const kind of ['systemsharedmemory', 'cudasharedmemory']) {
    for (const path of [`/v2/${kind}`, `/v2/${kind}/region/:region`]) {
      scope.get(`${path}/status`, schema('Registered regions: none'), async () => []);
      scope.post(`${path}/unregister`, schema('Nothing, for there is nothing to unregister'), async () => ({}));
    }
    scope.post(`/v2/${kind}/region/:region/register`, schema('Refused'), async () => {
      throw noSharedMemory();
    });
  }
}
