import { setMaxListeners } from 'node:events';
import { isIPv6 } from 'node:net';
import { createSecureContext } from 'node:tls';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import type { Engine } from '../../engine/engine.js';
import { InfernodeError, messageOf } from '../../errors.js';
import { checkExposure } from '../exposure.js';
import { requireKey } from './access.js';
import { addHealth } from './health.js';
import { inferenceMethods } from './methods.js';
import { INFERENCE_SERVICE, loadServices, withRawRequests } from './service-definition.js';

/** What a server shows to its clients, in PEM. */
export interface TlsOptions {
  readonly certificate: string | Buffer;
  readonly key: string | Buffer;
  /** Whose certificates clients must show; without it they show none. */
  readonly clientAuthority?: string | Buffer;
}

/** Where and to whom to serve. */
export interface GrpcServerOptions {
  readonly engine: Engine;
  /** 127.0.0.1 by default. Addresses that other machines reach need `apiKeys` or `insecure`. */
  readonly host?: string;
  /** 8081 by default; 0 for any that is free. */
  readonly port?: number;
  /** One of them must come with each call, in metadata `authorization: Bearer KEY` or `x-api-key`, but for questions of health. */
  readonly apiKeys?: readonly string[];
  /** Lets other machines in without a key. */
  readonly insecure?: boolean;
  /** Without it nothing is encrypted. */
  readonly tls?: TlsOptions;
  /** Of one message; 64 MiB by default. */
  readonly maxMessageBytes?: number;
  /** Calls of one connection at a time; 256 by default. */
  readonly maxConcurrentStreams?: number;
  /** Requests of one ModelStreamInfer at a time; 16 by default. The next ones wait. */
  readonly maxStreamRequests?: number;
  /** Is told of errors of models and of the server itself. Of the latter, clients learn only that there was one. Must not throw. */
  readonly onError?: (error: unknown) => void;
}

/** A server of the Open Inference Protocol over gRPC. */
export interface GrpcServer {
  /** Begins to listen. @returns the port @throws InfernodeError INF_LISTEN_FAILED */
  listen(): Promise<number>;
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
  const { engine, host = '127.0.0.1', port = 8081, apiKeys = [], tls } = options;
  const { maxMessageBytes = 64 * 2 ** 20, maxConcurrentStreams = 256, maxStreamRequests = 16 } = options;
  const { onError = () => {} } = options;
  checkExposure(host, options);
  checkNumbers({ port, maxMessageBytes, maxConcurrentStreams, maxStreamRequests });
  const credentials = credentialsOf(tls);
  const stopping = new AbortController();
  // One listener for each stream.
  setMaxListeners(0, stopping.signal);
  const server = new Server({
    ...KEEPALIVE,
    'grpc.max_receive_message_length': maxMessageBytes,
    'grpc.max_concurrent_streams': maxConcurrentStreams,
    'grpc.so_reuseport': 0,
    interceptors: apiKeys.length > 0 ? [requireKey(apiKeys)] : [],
  });
  const services = loadServices();
  const service = services[INFERENCE_SERVICE] as ServiceDefinition;
  const context = { engine, maxStreamRequests, stopping: stopping.signal, report: onError };
  server.addService(withRawRequests(service), inferenceMethods(context, service));
  addHealth(server, engine, stopping.signal);
  new ReflectionService(services).addToServer(server);
  return {
    listen: () => listen(server, isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`, credentials),
    close: (limitMs = 10_000) => {
      stopping.abort();
      return shutDown(server, limitMs);
    },
  };
}

function checkNumbers(options: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(options)) {
    const [least, most] = name === 'port' ? [0, 65_535] : [1, 2 ** 31 - 1];
    if (Number.isSafeInteger(value) && value >= least && value <= most) continue;
    const expected = `a whole number from ${least} to ${most}`;
    throw new InfernodeError('INF_OPTION_INVALID', `Option ${name} must be ${expected}, not ${value}`, {
      details: { name, expected, given: String(value) },
    });
  }
}

function credentialsOf(tls: TlsOptions | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  const { certificate, key, clientAuthority } = tls;
  const pair = { cert_chain: Buffer.from(certificate), private_key: Buffer.from(key) };
  const authority = clientAuthority === undefined ? null : Buffer.from(clientAuthority);
  try {
    // What is no certificate would come to light when the first client calls.
    createSecureContext({ cert: certificate, key, ...(clientAuthority !== undefined && { ca: clientAuthority }) });
    return ServerCredentials.createSsl(authority, [pair], authority !== null);
  } catch (cause) {
    throw new InfernodeError('INF_OPTION_INVALID', `Option tls: ${messageOf(cause)}`, { cause });
  }
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
