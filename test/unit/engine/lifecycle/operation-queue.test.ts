import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { OperationQueue } from '#src/engine/lifecycle/operation-queue';
import { InfernodeError } from '#src/errors';
import { rejects } from '../../../support/expect-error.js';

/** A queue whose operations write down what they do, and wait to be told to go on. */
function recorded() {
  const queue = new OperationQueue('net');
  const log: string[] = [];
  const gates: (() => void)[] = [];
  const push = (kind: 'load' | 'unload', key = '') =>
    queue.push({
      kind,
      key,
      run: async (signal) => {
        log.push(`${kind}${key}`);
        await new Promise<void>((resolve) => gates.push(resolve));
        signal.throwIfAborted();
        log.push(`/${kind}${key}`);
      },
    });
  const goOn = async () => {
    gates.shift()!();
    await turn();
  };
  return { queue, log, push, goOn };
}

test('one at a time, in order', async () => {
  const { log, push, goOn } = recorded();
  const all = Promise.all([push('load', '1'), push('load', '2'), push('load', '3')]);
  for (let i = 0; i < 3; i++) await goOn();
  await all;
  assert.deepEqual(log, ['load1', '/load1', 'load2', '/load2', 'load3', '/load3']);
});

test('a load joins an equal one that waits, not one that runs', async () => {
  const { log, push, goOn } = recorded();
  const all = Promise.all(Array.from({ length: 50 }, () => push('load')));
  await goOn();
  await goOn();
  await all;
  assert.deepEqual(log, ['load', '/load', 'load', '/load']);
});

test('an unload gives up the load that runs and those that wait', async () => {
  const { log, push, goOn } = recorded();
  const loads = [push('load', '1'), push('load', '2'), push('load', '3')];
  const unload = push('unload');
  const given = loads.map((load) => rejects(load, 'INF_MODEL_NOT_READY', '"net" was unloaded before'));
  await goOn();
  await goOn();
  await Promise.all([...given, unload]);
  assert.deepEqual(log, ['load1', 'unload', '/unload']);
});

test('an unload joins one that runs; a load after it comes after it', async () => {
  const { log, push, goOn } = recorded();
  const all = Promise.all([push('unload'), push('unload'), push('load')]);
  await goOn();
  await goOn();
  await all;
  assert.deepEqual(log, ['unload', '/unload', 'load', '/load']);
});

test('a failure is that of its own caller alone', async () => {
  const { queue, push, goOn } = recorded();
  const failing = queue.push({ kind: 'load', key: 'x', run: () => Promise.reject(new Error('broken')) });
  const next = push('load');
  await assert.rejects(failing, /broken/);
  await goOn();
  await next;
});

test('stop gives loads up, waits for what runs, and takes no more', async () => {
  const { queue, push, goOn } = recorded();
  const error = new InfernodeError('INF_SHUTTING_DOWN', 'closing');
  const given = [push('load', '1'), push('load', '2')].map((load) => rejects(load, 'INF_SHUTTING_DOWN'));
  let stopped = false;
  const stop = queue.stop(error).then(() => {
    stopped = true;
  });
  await turn();
  assert.equal(stopped, false);
  await goOn();
  await Promise.all([stop, ...given]);
  await rejects(push('unload'), 'INF_SHUTTING_DOWN');
});
