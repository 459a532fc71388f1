/** The types of `infernode/server` as its users see them. Compiled only. */
import fastify from 'fastify';
import {
  createServer,
  Engine,
  type InferenceServer,
  inferencePlugin,
  MetricsObserver,
  type ServerOptions,
} from 'infernode/server';

const metrics = new MetricsObserver();
const engine: Engine = await Engine.open({ models: { a: 'a.pt' }, observe: metrics.observe });
const options: ServerOptions = { engine, metrics, host: '0.0.0.0', port: 0, apiKeys: ['key'], logLevel: 'info' };
const server: InferenceServer = await createServer(options);
const url: string = await server.listen();
server.app.get('/mine', async () => url);
server.drain();
await server.close(1000);
await createServer({ engine, tls: { cert: 'PEM', key: Buffer.from('PEM') } });

await fastify().register(inferencePlugin, { engine, prefix: '/models' });
// @ts-expect-error an engine is needed
await createServer({ port: 80 });
// @ts-expect-error levels are words
await createServer({ engine, logLevel: 3 });
// @ts-expect-error a certificate needs its key
await createServer({ engine, tls: { cert: 'PEM' } });
