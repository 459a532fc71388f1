import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '#src/engine/engine';
import { checkGrpcOptions, type GrpcServerOptions } from '#src/server/grpc/options';
import {
  checkPluginOptions,
  checkServerOptions,
  DEFAULTS,
  type InferencePluginOptions,
  type ServerOptions,
} from '#src/server/options';
import { throws } from '../../support/expect-error.js';

const engine = { infer: () => {} } as unknown as Engine;

type Bad = readonly [options: object, name: string];

const FOR_ALL: Bad[] = [
  [{ engine: undefined }, 'engine'],
  [{ engine: null }, 'engine'],
  [{ engine: {} }, 'engine'],
  [{ apiKeys: 'key' }, 'apiKeys'],
  [{ apiKeys: [1] }, 'apiKeys'],
  [{ apiKey: ['key'] }, 'apiKey'],
  [{ toString: 1 }, 'toString'],
];

const FOR_SERVERS: Bad[] = [
  ...FOR_ALL,
  [{ host: '' }, 'host'],
  [{ port: 65_536 }, 'port'],
  [{ port: -1 }, 'port'],
  [{ port: '8080' }, 'port'],
  // Any string is true.
  [{ insecure: 'false' }, 'insecure'],
  [{ tls: true }, 'tls'],
  [{ tls: null }, 'tls'],
  [{ tls: {} }, 'tls.cert'],
  [{ tls: { cert: 'x' } }, 'tls.key'],
  [{ tls: { cert: 'x', key: 'y', certificate: 'z' } }, 'tls.certificate'],
  [{ tls: { cert: 'x', key: 'y' } }, 'tls'],
];

function refusesEach(bad: readonly Bad[], check: (options: object) => void): void {
  for (const [options, name] of bad) {
    const error = throws(() => check({ engine, ...options }), 'INF_OPTION_INVALID', name);
    assert.equal(error.details.name, name);
  }
}

test('options of a server that cannot be meant are refused by name', () => {
  checkServerOptions({ engine });
  checkServerOptions({ engine, ...DEFAULTS, port: 0, logLevel: 'info' });
  const check = (options: object) => checkServerOptions(options as ServerOptions);
  check({ engine, port: undefined, tls: undefined });
  refusesEach(
    [
      ...FOR_SERVERS,
      [{ bodyLimit: 0 }, 'bodyLimit'],
      [{ maxTensors: 1.5 }, 'maxTensors'],
      [{ requestTimeoutMs: Number.NaN }, 'requestTimeoutMs'],
      [{ headersTimeoutMs: Number.POSITIVE_INFINITY }, 'headersTimeoutMs'],
      [{ maxConnections: 0 }, 'maxConnections'],
      [{ logLevel: 'loud' }, 'logLevel'],
      [{ docs: 'no' }, 'docs'],
      [{ metrics: {} }, 'metrics'],
      [{ allowedHosts: 'example.com' }, 'allowedHosts'],
      [{ prefix: '/x' }, 'prefix'],
    ],
    check,
  );
  throws(() => check({ engine, prot: 1 }), 'INF_OPTION_INVALID', 'did you mean "port"?');
  throws(() => checkServerOptions(null as never), 'INF_OPTION_INVALID', 'an object');
});

test('so are those of a gRPC server', () => {
  checkGrpcOptions({ engine, port: 0, maxMessageBytes: 1, onError: () => {} });
  refusesEach(
    [
      ...FOR_SERVERS,
      [{ maxMessageBytes: 0 }, 'maxMessageBytes'],
      [{ maxMessageBytes: 2 ** 31 }, 'maxMessageBytes'],
      [{ onError: 'log' }, 'onError'],
      [{ bodyLimit: 1 }, 'bodyLimit'],
    ],
    (options) => checkGrpcOptions(options as GrpcServerOptions),
  );
});

test("so are those of the plugin, among Fastify's own", () => {
  const check = (options: object) => checkPluginOptions(options as InferencePluginOptions);
  check({ engine, prefix: '/models', logLevel: 'warn', logSerializers: {} });
  refusesEach([...FOR_ALL, [{ port: 1 }, 'port'], [{ host: 'x' }, 'host']], check);
});
