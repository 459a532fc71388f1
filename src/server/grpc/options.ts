import type { Engine } from '../../engine/engine.js';
import {
  anEngine,
  callable,
  checkOptions,
  checkRequired,
  flag,
  oneOf,
  port,
  type Rule,
  text,
  texts,
  whole,
} from '../check-options.js';
import { LOG_LEVELS, type LogLevel } from '../options.js';
import { checkTls, type TlsOptions, tlsRule } from '../tls.js';

/** Where and to whom to serve. */
export interface GrpcServerOptions {
  readonly engine: Engine;
  /** 127.0.0.1 by default. Addresses that other machines reach need `apiKeys`, `tls` with a `ca`, or `insecure`. */
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
  /** What clients are told that is logged; `silent` by default. The server itself logs nothing. */
  readonly logLevel?: LogLevel;
}

const RULES: Readonly<Record<keyof GrpcServerOptions, Rule>> = {
  engine: anEngine,
  host: text,
  port,
  apiKeys: texts,
  insecure: flag,
  tls: tlsRule,
  maxMessageBytes: whole(1),
  maxConcurrentStreams: whole(1),
  maxStreamRequests: whole(1),
  onError: callable,
  logLevel: oneOf(LOG_LEVELS),
};

/** @throws InfernodeError INF_OPTION_INVALID */
export function checkGrpcOptions(options: GrpcServerOptions): void {
  checkOptions(options, RULES);
  checkRequired(options, ['engine']);
  checkTls(options.tls);
}
