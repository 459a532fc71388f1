import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LineProcess } from '../../../bench/contestants/line-process.js';
import type { LoadAsk, LoadReplies } from '../../../bench/serving/load-protocol.js';
import { plainRequest, RawClient } from '../../../bench/serving/raw-client.js';
import { makeFolder } from '../support/files.js';

const REQUEST = plainRequest('/', []);

async function listen(t: TestContext) {
  const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function closeIdle({ server, connections }: { server: ReturnType<typeof createServer>; connections: number }) {
  const count = () => new Promise<number>((resolve) => server.getConnections((_, found) => resolve(found)));
  while ((await count()) < connections) await new Promise(setImmediate);
  server.closeAllConnections();
  while ((await count()) > 0) await new Promise(setImmediate);
}

test('a connection that the server closed says so', async (t) => {
  const { server, port } = await listen(t);
  const client = await RawClient.open(port);
  t.after(() => client.close());
  const { status, body } = await client.send(REQUEST);
  assert.deepEqual([status, String(body), client.isOpen], [200, 'ok', true]);
  await closeIdle({ server, connections: 1 });
  while (client.isOpen) await new Promise(setImmediate);
  await assert.rejects(client.send(REQUEST), /connection is closed/);
});

test('connections that the server closed are opened again', async (t) => {
  const { server, port } = await listen(t);
  const request = join(await makeFolder(t, {}), 'request.bin');
  await writeFile(request, REQUEST);
  const generator = fileURLToPath(new URL('../../../bench/serving/load-generator.js', import.meta.url));
  const load: LineProcess<LoadAsk, LoadReplies> = new LineProcess([process.execPath, generator]);
  t.after(() => load.end());
  await load.ask({ ask: 'connect', port, request });
  await load.ask({ ask: 'clients', port, clients: 4, ms: 50 });
  await closeIdle({ server, connections: 4 });
  const { queries, p99 } = await load.ask({ ask: 'arrivals', port, rate: 200, ms: 100, seed: 1, boundMs: 60_000 });
  assert.ok(queries > 0 && p99 !== null);
});
