import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from '#src/server/http/origin';

test('loopback is this machine and no name that looks like it', () => {
  for (const host of ['localhost', '127.0.0.1', '127.1.2.3', '::1']) assert.ok(isLoopback(host), host);
  for (const host of ['', '0.0.0.0', '::', '127.evil.example', 'localhost.evil', '10.0.0.1', '127.0.0.1.nip.io']) {
    assert.ok(!isLoopback(host), host);
  }
});
