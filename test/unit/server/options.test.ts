import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine } from '#src/engine/engine';
import { checkOptions, DEFAULTS, type ServerOptions } from '#src/server/options';
import { throws } from '../../support/expect-error.js';

const engine = {} as Engine;

test('options that cannot be meant are refused by name', () => {
  checkOptions({ engine });
  checkOptions({ engine, ...DEFAULTS, port: 0, logLevel: 'info' });
  const bad: Partial<Record<keyof ServerOptions, unknown>>[] = [
    { port: 65_536 },
    { port: -1 },
    { port: '8080' },
    { bodyLimit: 0 },
    { maxTensors: 1.5 },
    { requestTimeoutMs: Number.NaN },
    { headersTimeoutMs: Number.POSITIVE_INFINITY },
    { maxConnections: 0 },
    { logLevel: 'loud' },
  ];
  for (const options of bad) {
    const error = throws(() => checkOptions({ engine, ...options } as ServerOptions), 'INF_OPTION_INVALID');
    assert.equal(error.details.name, Object.keys(options)[0]);
  }
});
