import { setMaxListeners } from 'node:events';
import { isIPv6 } from 'node:net';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { InfernodeError, messageOf } from '../../errors.js';
import { checkExposure } from '../exposure.js';
import type { TlsOptions } from '../tls.js';
import { requireKey } from './access.js';
import { addHealth } from './health.js';
import { inferenceMethods } from './methods.js';
import { checkGrpcOptions, type GrpcServerOptions } from './options.js';
import { INFERENCE_SERVICE, loadServices, withRawRequests } from './service-definition.js';

/** A server of the Open Inference Protocol over gRPC. */
export interface GrpcServer {
  /** Begins to listen. @returns the port @throws InfernodeError INF_LISTEN_FAILED */
  listen(): Promise<number>;
  /** Is not ready any more, but still answers: whoever spreads calls over servers has time to leave this one out. */
  drain(): void;
  /**
   * Takes no more calls, and lets those that there are finish.
   * @param limitMs after these milliseconds they are cut off; 10 000 by default
   */
  close(limitMs?: number): Promise<void>;
}

/** Pings find clients that have vanished without a word. */
const KEEPALIVE = { 'grpc.keepalive_time_ms': 60_000, 'grpc.keepalive_timeout_ms': 20_000 };

/** Makes a server; `listen` starts it. @throws InfernodeError INF_OPTION_INVALID */
export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  checkGrpcOptions(options);
  const { engine, host = '127.0.0.1', port = 8081, apiKeys = [], tls } = options;
  const { maxMessageBytes = 64 * 2 ** 20, maxConcurrentStreams = 256, maxStreamRequests = 16 } = options;
  const { onError = () => {}, logLevel = 'silent' } = options;
  checkExposure(host, options);
  const credentials = credentialsOf(tls);
  const [draining, stopping] = [new AbortController(), new AbortController()];
  // One listener for each stream.
  setMaxListeners(0, draining.signal, stopping.signal);
  const server = new Server({
    ...KEEPALIVE,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': maxConcurrentStreams,
    'grpc.so_reuseport': 0,
    interceptors: apiKeys.length > 0 ? [requireKey(apiKeys)] : [],
  });
  const services = loadServices();
  const service = services[INFERENCE_SERVICE] as ServiceDefinition;
  const ending = { draining: draining.signal, stopping: stopping.signal };
  const context = { engine, maxStreamRequests, logLevel, ...ending, report: onError };
  server.addService(withRawRequests(service), inferenceMethods(context, service));
  addHealth(server, engine, ending);
  new ReflectionService(services).addToServer(server);
  return {
    listen: async () => {
      if (stopping.signal.aborted) {
        throw new InfernodeError('INF_LISTEN_FAILED', 'The server has been closed: make another one');
      }
      return listen(server, isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`, credentials);
    },
    drain: () => draining.abort(),
    close: (limitMs = 10_000) => {
      draining.abort();
      stopping.abort();
      return shutDown(server, limitMs);
    },
  };
}

function credentialsOf(tls: TlsOptions | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const pair = { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) };
  const authority = tls.ca === undefined ? null : Buffer.from(tls.ca);
  return ServerCredentials.createSsl(authority, [pair], authority !== null);
}

function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (cause, port) => {
      if (cause === null) return resolve(port);
      const message = `The gRPC server cannot listen on ${address}: ${messageOf(cause)}`;
      reject(new InfernodeError('INF_LISTEN_FAILED', message, { cause, details: { address } }));
    });
  });
}

function shutDown(server: Server, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.forceShutdown(), limitMs);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
