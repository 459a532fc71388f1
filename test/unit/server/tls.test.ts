import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { checkTls } from '#src/server/tls';
import { throws } from '../../support/expect-error.js';
import { fixture } from '../../support/torch.js';

const pem = (name: string) => readFile(fixture(`tls/${name}`));

test('a certificate and a key that belong together pass, as text too', async () => {
  const [cert, key, ca] = await Promise.all([pem('server.crt'), pem('server.key'), pem('authority.crt')]);
  checkTls({ cert, key });
  checkTls({ cert: cert.toString(), key: key.toString(), ca });
  checkTls(undefined);
});

test('what would fail at the first connection is refused', async () => {
  const [cert, key, other] = await Promise.all([pem('server.crt'), pem('server.key'), pem('client.key')]);
  throws(() => checkTls({ cert, key: other }), 'INF_OPTION_INVALID', 'tls', 'key');
  throws(() => checkTls({ cert: 'nonsense', key }), 'INF_OPTION_INVALID', 'tls');
  throws(() => checkTls({ cert, key: 'nonsense' }), 'INF_OPTION_INVALID', 'tls');
  throws(() => checkTls({ cert, key, ca: 'nonsense' }), 'INF_OPTION_INVALID', 'tls.ca');
  throws(() => checkTls({ cert, key, ca: '' }), 'INF_OPTION_INVALID', 'tls.ca');
});
