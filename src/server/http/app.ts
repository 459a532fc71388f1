import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { ServerOptions } from 'node:https';
import type { Socket } from 'node:net';
import fastify, { type FastifyHttpOptions, type FastifyInstance } from 'fastify';
import { DEFAULTS, type ServerOptions as InferenceServerOptions } from '../options.js';
import type { TlsOptions } from '../tls.js';
import { CODE_HEADER, HttpError, problemOf, sendFrameworkError } from './problem.js';
import { requestId, traceParent } from './trace.js';

/** A Fastify application with the limits that the options ask for, for HTTP or HTTPS. */
export function makeApp(options: InferenceServerOptions): FastifyInstance {
  const { logLevel = 'silent', tls, headersTimeoutMs: headersTimeout = DEFAULTS.headersTimeoutMs } = options;
  const http = {
    headersTimeout,
    connectionsCheckingInterval: 1000,
    // Finds out about peers that vanished.
    keepAlive: true,
  };
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
    ...(tls === undefined ? { http } : { https: { ...http, ...secured(tls, headersTimeout) } }),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1024 },
    // What comes in on open connections meanwhile is answered by a hook, in the form of the protocol.
    return503OnClosing: false,
    frameworkErrors: sendFrameworkError,
    clientErrorHandler: answerBrokenRequest,
    // The types tell servers of HTTP and HTTPS apart; whoever has an application does not.
  } as FastifyHttpOptions<Server>);
  app.server.maxConnections = options.maxConnections ?? DEFAULTS.maxConnections;
  return app;
}

/** Who has a certificate to show is asked for it before anything else. */
function secured({ cert, key, ca }: TlsOptions, handshakeTimeout: number): ServerOptions {
  return { cert, key, handshakeTimeout, ...(ca !== undefined && { ca, requestCert: true, rejectUnauthorized: true }) };
}

const BROKEN: Readonly<Record<string, readonly [status: number, text: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout', 'The request took too long to come'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large', 'The headers are too large'],
};

/** What is no HTTP never becomes a request. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  // Nobody could read an answer before there are keys.
  if ((socket as { secureConnecting?: boolean }).secureConnecting === true) {
    socket.destroy();
    return;
  }
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
