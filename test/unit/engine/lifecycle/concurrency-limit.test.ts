import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ConcurrencyLimit } from '#src/engine/lifecycle/concurrency-limit';

const never = new AbortController().signal;

test('so many at a time and all in the end, failures included', async () => {
  const limit = new ConcurrencyLimit(2);
  let running = 0;
  let most = 0;
  const task = (fails: boolean) => async () => {
    most = Math.max(most, ++running);
    await turn();
    running--;
    if (fails) throw new Error('broken');
  };
  const results = await Promise.allSettled(Array.from({ length: 9 }, (_, i) => limit.run(never, task(i % 2 === 0))));
  assert.equal(most, 2);
  assert.equal(results.filter(({ status }) => status === 'rejected').length, 5);
});

test('who waits can leave, and loses nobody a place', async () => {
  const limit = new ConcurrencyLimit(1);
  const abort = new AbortController();
  let finish!: () => void;
  const first = limit.run(never, () => new Promise<void>((resolve) => (finish = resolve)));
  const left = limit.run(abort.signal, () => assert.fail('it ran'));
  const last = limit.run(never, async () => 'last');
  abort.abort(new Error('left'));
  await assert.rejects(left, /left/);
  finish();
  await first;
  assert.equal(await last, 'last');
  await assert.rejects(
    limit.run(abort.signal, () => assert.fail('it ran')),
    /left/,
  );
  assert.equal(await limit.run(never, async () => 'free'), 'free');
});
