import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { beforeEach, test } from 'node:test';
import { accessOf } from '#src/cli/serve-access';
import { rejects } from '../../support/expect-error.js';
import { fixture } from '../../support/torch.js';

const file = (name: string) => fixture(`tls/${name}`);
const host = '127.0.0.1';
const files = { tlsCert: file('server.crt'), tlsKey: file('server.key') };

beforeEach(() => {
  delete process.env.INFERNODE_API_KEYS;
});

test('keys come from options and the environment', async () => {
  process.env.INFERNODE_API_KEYS = ' b, ,c';
  assert.deepEqual(await accessOf({ host: '0.0.0.0', apiKey: ['a'] }), { apiKeys: ['a', 'b', 'c'], insecure: false });
});

test('other machines need a key or a certificate, and the message names the options of the command line', async () => {
  await rejects(accessOf({ host: '0.0.0.0' }), 'INF_OPTION_INVALID', '--api-key', '--insecure', '0.0.0.0');
  // It says who the server is, not who the client is.
  await rejects(accessOf({ host: '0.0.0.0', ...files }), 'INF_OPTION_INVALID', '--api-key');
  await accessOf({ host: '0.0.0.0', insecure: true });
  await accessOf({ host: '0.0.0.0', ...files, tlsCa: file('authority.crt') });
});

test('TLS is read from files', async () => {
  const { tls } = await accessOf({ host, ...files });
  assert.deepEqual(tls, { cert: await readFile(files.tlsCert), key: await readFile(files.tlsKey) });
  const { tlsCert, tlsKey } = files;
  await rejects(accessOf({ host, tlsCert }), 'INF_OPTION_INVALID', '--tls-key');
  await rejects(accessOf({ host, tlsKey }), 'INF_OPTION_INVALID', '--tls-cert');
  await rejects(accessOf({ host, tlsCa: file('authority.crt') }), 'INF_OPTION_INVALID', '--tls-cert');
  await rejects(accessOf({ host, ...files, tlsCa: file('none.crt') }), 'INF_OPTION_INVALID', '--tls-ca', 'ENOENT');
});
