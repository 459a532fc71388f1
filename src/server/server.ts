import { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { InfernodeError, messageOf } from '../errors.js';
import { checkExposure } from './exposure.js';
import { makeApp } from './http/app.js';
import { isLoopback, LOOPBACK_HOSTS } from './http/origin.js';
import { HttpError, sendProblem } from './http/problem.js';
import { logModels } from './log-models.js';
import { checkServerOptions, DEFAULTS, type ServerOptions } from './options.js';
import { addInference } from './plugin.js';

/** An HTTP server of an engine. */
export interface InferenceServer {
  /** The Fastify application: hooks and routes of your own go here, before `listen`. */
  readonly app: FastifyInstance;
  /** Begins to listen. @returns the URL @throws InfernodeError INF_LISTEN_FAILED */
  listen(): Promise<string>;
  /** Is not ready any more, but still answers: whoever spreads requests over servers has time to leave this one out. */
  drain(): void;
  /**
   * Is not ready any more, takes no more connections, lets the requests that it has finish, and ends. The engine stays open.
   *
   * @param graceMs after that many milliseconds, connections are cut; 30,000 by default
   */
  close(graceMs?: number): Promise<void>;
}

/**
 * Makes a server that speaks the Open Inference Protocol.
 *
 * @throws InfernodeError INF_OPTION_INVALID; for an address other than loopback without `apiKeys` or `insecure` too
 */
export async function createServer(options: ServerOptions): Promise<InferenceServer> {
  checkServerOptions(options);
  const { host = DEFAULTS.host, port = DEFAULTS.port } = options;
  checkExposure(host, options);
  const app = makeApp(options);
  let state: 'open' | 'draining' | 'closing' = 'open';
  app.addHook('onRequest', async ({ routeOptions }) => {
    const refused = state === 'closing' || (state === 'draining' && routeOptions.config.readiness === true);
    if (refused) throw new InfernodeError('INF_SHUTTING_DOWN', 'The server is shutting down');
  });
  const answerTimeout = options.requestTimeoutMs ?? DEFAULTS.requestTimeoutMs;
  app.addHook('onSend', async (_request, reply) => {
    if (state !== 'open') reply.header('connection', 'close');
    // From now on, for a model may take as long as it likes: a client that does not read keeps the answer in memory.
    // What `app.inject` makes has no real one.
    if (reply.raw.socket instanceof Socket) reply.raw.setTimeout(answerTimeout);
  });
  const allowedHosts = options.allowedHosts ?? (isLoopback(host) ? LOOPBACK_HOSTS : undefined);
  // On the root itself, so that what is no route is behind its hooks as well.
  await addInference(app, { ...options, ...(allowedHosts && { allowedHosts }) });
  app.setNotFoundHandler((request, reply) => sendProblem(new HttpError(404, 'There is no such route'), request, reply));
  const endLog = logModels(options.engine, app.log);
  return {
    app,
    listen: () => listen(app, host, port),
    drain: () => {
      if (state === 'open') state = 'draining';
    },
    close: async (graceMs = 30_000) => {
      state = 'closing';
      endLog();
      const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
      await app.close().finally(() => clearTimeout(timer));
    },
  };
}

async function listen(app: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (cause) {
    throw new InfernodeError('INF_LISTEN_FAILED', `Cannot listen at ${host}:${port}: ${messageOf(cause)}`, {
      cause,
      details: { name: 'port', given: `${host}:${port}` },
    });
  }
}
