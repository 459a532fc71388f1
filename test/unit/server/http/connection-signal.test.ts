import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { connectionSignal } from '#src/server/http/connection-signal';

test('a connection has one signal, which aborts when it closes', async () => {
  const socket = new Socket();
  const signal = connectionSignal(socket);
  for (let request = 0; request < 20; request++) assert.equal(connectionSignal(socket), signal);
  assert.equal(socket.listenerCount('close'), 1);
  assert.equal(signal.aborted, false);
  socket.destroy();
  await new Promise((resolve) => socket.once('close', resolve));
  assert.equal(signal.aborted, true);
  assert.notEqual(connectionSignal(new Socket()), signal);
});

test('a connection that is closed already has an aborted one', () => {
  assert.equal(connectionSignal(new Socket().destroy()).aborted, true);
});
