import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { InfernodeError, messageOf } from '../errors.js';
import { checkExposure } from './exposure.js';
import { isLoopback, LOOPBACK_HOSTS } from './http/origin.js';
import { CODE_HEADER, HttpError, problemOf, sendFrameworkError, sendProblem } from './http/problem.js';
import { requestId, traceParent } from './http/trace.js';
import { checkOptions, DEFAULTS, type ServerOptions } from './options.js';
import { inferencePlugin } from './plugin.js';

/** An HTTP server of an engine. */
export interface InferenceServer {
  /** The Fastify application: hooks and routes of your own go here, before `listen`. */
  readonly app: FastifyInstance;
  /** Begins to listen. @returns the URL @throws InfernodeError INF_LISTEN_FAILED */
  listen(): Promise<string>;
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
  checkOptions(options);
  const { host = DEFAULTS.host, port = DEFAULTS.port } = options;
  checkExposure(host, options);
  const app = makeApp(options);
  let draining = false;
  app.addHook('onRequest', async () => {
    if (draining) throw new InfernodeError('INF_SHUTTING_DOWN', 'The server is shutting down');
  });
  const answerTimeout = options.requestTimeoutMs ?? DEFAULTS.requestTimeoutMs;
  app.addHook('onSend', async (_request, reply) => {
    if (draining) reply.header('connection', 'close');
    // From now on, for a model may take as long as it likes: a client that does not read keeps the answer in memory.
    reply.raw.setTimeout(answerTimeout);
  });
  const allowedHosts = options.allowedHosts ?? (isLoopback(host) ? LOOPBACK_HOSTS : undefined);
  // On the root itself, so that what is no route is behind its hooks as well.
  await inferencePlugin(app, { ...options, ...(allowedHosts && { allowedHosts }) });
  app.setNotFoundHandler((request, reply) => sendProblem(new HttpError(404, 'There is no such route'), request, reply));
  return {
    app,
    listen: () => listen(app, host, port),
    close: async (graceMs = 30_000) => {
      draining = true;
      const timer = setTimeout(() => app.server.closeAllConnections(), graceMs);
      await app.close().finally(() => clearTimeout(timer));
    },
  };
}

function makeApp(options: ServerOptions): FastifyInstance {
  const { logLevel = 'silent' } = options;
  const app = fastify({
    logger:
      logLevel === 'silent'
        ? false
        : {
            level: logLevel,
            // Standard output is the program's own.
            stream: process.stderr,
            serializers: {
              // No headers: they hold the keys.
              req: ({ method, url, headers, ip }) => ({ method, url, ip, traceparent: traceParent(headers) }),
            },
          },
    genReqId: ({ headers }) => requestId(headers) ?? randomUUID(),
    bodyLimit: options.bodyLimit ?? DEFAULTS.bodyLimit,
    requestTimeout: options.requestTimeoutMs ?? DEFAULTS.requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs ?? DEFAULTS.keepAliveTimeoutMs,
    http: {
      headersTimeout: options.headersTimeoutMs ?? DEFAULTS.headersTimeoutMs,
      connectionsCheckingInterval: 1000,
      // Finds out about peers that vanished.
      keepAlive: true,
    },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    // What comes in on open connections meanwhile is answered by a hook, in the form of the protocol.
    return503OnClosing: false,
    frameworkErrors: sendFrameworkError,
    clientErrorHandler: answerBrokenRequest,
  });
  app.server.maxConnections = options.maxConnections ?? DEFAULTS.maxConnections;
  return app;
}

const BROKEN: Readonly<Record<string, readonly [status: number, text: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request took too long to come'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The headers are too large'],
};

/** What is no HTTP never becomes a request. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const [status, text, message] = BROKEN[error.code ?? ''] ?? [400, 'Bad Request', 'The request is not HTTP'];
  const body = JSON.stringify({ error: message });
  const { code } = problemOf(new HttpError(status, message));
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${status} ${text}\r\nContent-Type: application/json\r\n${CODE_HEADER}: ${code}\r\n` +
        `Content-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroySoon();
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
