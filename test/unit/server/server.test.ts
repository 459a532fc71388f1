import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from '#src/engine/engine';
import { createServer } from '#src/server/server';

test('answers requests that an app injects, without a socket', async () => {
  await using engine = await Engine.open({ models: {} });
  const server = await createServer({ engine });
  const { statusCode, body } = await server.app.inject({ url: '/v2', headers: { host: 'localhost' } });
  assert.equal(statusCode, 200, body);
  assert.equal(JSON.parse(body).name, 'infernode');
  await server.close();
});
