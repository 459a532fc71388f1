import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { test } from 'node:test';
import { AbortWatch } from '#src/backends/abort-watch';

function watch() {
  const told: string[] = [];
  return { told, aborts: new AbortWatch<string>((call, signal) => told.push(`${call} ${signal.reason}`)) };
}

test('tells the calls of a signal once, in order, and no others', () => {
  const { told, aborts } = watch();
  const [one, other] = [new AbortController(), new AbortController()];
  for (const call of ['a', 'b', 'c']) aborts.add(one.signal, call);
  aborts.add(other.signal, 'd');
  aborts.remove(one.signal, 'b');
  one.abort('enough');
  one.abort('again');
  assert.deepEqual(told, ['a enough', 'c enough']);
});

test('listens to a signal once, and only while it has calls', () => {
  const { told, aborts } = watch();
  const { signal } = new AbortController();
  const listeners = () => getEventListeners(signal, 'abort').length;
  for (let round = 0; round < 3; round++) {
    for (let call = 0; call < 20; call++) aborts.add(signal, `${call}`);
    assert.equal(listeners(), 1);
    for (let call = 0; call < 20; call++) aborts.remove(signal, `${call}`);
    assert.equal(listeners(), 0);
  }
  aborts.remove(signal, 'nobody');
  aborts.remove(new AbortController().signal, 'nobody');
  assert.deepEqual(told, []);
});
