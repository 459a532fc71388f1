import type { Engine } from '../engine/engine.js';
import {
  anEngine,
  checkOptions,
  checkRequired,
  flag,
  having,
  oneOf,
  port,
  type Rule,
  text,
  texts,
  whole,
} from './check-options.js';
import type { MetricsObserver } from './metrics/metrics-observer.js';
import { checkTls, type TlsOptions, tlsRule } from './tls.js';

/** What the plugin takes. */
export interface InferencePluginOptions {
  readonly engine: Engine;
  /** What the engine reports to; without it there is no /metrics. */
  readonly metrics?: MetricsObserver;
  /** Every request but those for liveness and readiness must bring one of these keys. None by default. */
  readonly apiKeys?: readonly string[];
  /**
   * The host names under which the server is called, and whose pages may call it; checked where there are no API keys. Any
   * by default in the plugin; in a server on loopback its names, such as `localhost`.
   */
  readonly allowedHosts?: readonly string[];
  /** The most bytes of a body, decompressed; 64 MiB by default. */
  readonly bodyLimit?: number;
  /** The most bytes of large bodies that have not come to their end, of all requests together; 64 MiB by default. */
  readonly maxArrivingBytes?: number;
  /** The most inputs, and the most outputs, of a request; 1024 by default. */
  readonly maxTensors?: number;
  /** Whether there is a description of the API at /docs; true by default. */
  readonly docs?: boolean;
}

/** What a server takes. */
export interface ServerOptions extends InferencePluginOptions {
  /** 127.0.0.1 by default. Other addresses need `apiKeys`, `tls` with a `ca`, or `insecure`. */
  readonly host?: string;
  /** 8080 by default; 0 for any free one. */
  readonly port?: number;
  /** Listens on other addresses without API keys as well: whoever reaches the port may use it. */
  readonly insecure?: boolean;
  /** HTTPS instead of HTTP. */
  readonly tls?: TlsOptions;
  /** What is logged, as JSON on standard error; `silent` by default. */
  readonly logLevel?: LogLevel;
  /** Milliseconds within which a request must have come, and after which an answer that nobody reads is cut; 60,000 by default. */
  readonly requestTimeoutMs?: number;
  /** Milliseconds within which its headers must have come; 10,000 by default. */
  readonly headersTimeoutMs?: number;
  /** Milliseconds after which a connection without requests is closed; 72,000 by default. */
  readonly keepAliveTimeoutMs?: number;
  /** The most connections at a time; 10,000 by default. */
  readonly maxConnections?: number;
}

export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const DEFAULTS = {
  host: '127.0.0.1',
  port: 8080,
  bodyLimit: 64 * 1024 * 1024,
  maxArrivingBytes: 64 * 1024 * 1024,
  maxTensors: 1024,
  requestTimeoutMs: 60_000,
  headersTimeoutMs: 10_000,
  // Load balancers keep connections for a minute; the server must not be the first to close one.
  keepAliveTimeoutMs: 72_000,
  maxConnections: 10_000,
} as const;

const most = Number.MAX_SAFE_INTEGER;

const PLUGIN_RULES: Readonly<Record<keyof InferencePluginOptions, Rule>> = {
  engine: anEngine,
  metrics: having('render', 'a MetricsObserver'),
  apiKeys: texts,
  allowedHosts: texts,
  bodyLimit: whole(1, most),
  maxArrivingBytes: whole(1, most),
  maxTensors: whole(1, most),
  docs: flag,
};

/** What Fastify itself takes of `app.register`. */
const REGISTER_RULES: Readonly<Record<string, Rule>> = Object.fromEntries(
  ['prefix', 'logLevel', 'logSerializers'].map((name) => [name, { expected: 'anything', holds: () => true }]),
);

const SERVER_RULES: Readonly<Record<keyof ServerOptions, Rule>> = {
  ...PLUGIN_RULES,
  host: text,
  port,
  insecure: flag,
  tls: tlsRule,
  logLevel: oneOf(LOG_LEVELS),
  requestTimeoutMs: whole(1),
  headersTimeoutMs: whole(1),
  keepAliveTimeoutMs: whole(1),
  maxConnections: whole(1, most),
};

/** @throws InfernodeError INF_OPTION_INVALID */
export function checkPluginOptions(options: InferencePluginOptions): void {
  checkOptions(options, { ...PLUGIN_RULES, ...REGISTER_RULES });
  checkRequired(options, ['engine']);
}

/** @throws InfernodeError INF_OPTION_INVALID */
export function checkServerOptions(options: ServerOptions): void {
  checkOptions(options, SERVER_RULES);
  checkRequired(options, ['engine']);
  checkTls(options.tls);
}
