import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { RepositoryPoll } from '#src/engine/lifecycle/repository-poll';
import { InfernodeError } from '#src/errors';
import type { ModelSource } from '#src/models/repository/model-source';
import { until } from '../../../support/served-models.js';

/** A model of one version whose files are in the state `stamp`. */
const model = (name: string, stamp: string): ModelSource => ({
  name,
  path: name,
  versions: [{ version: 1, path: name, files: [], config: null, root: null, stamp }],
  selection: 'latest',
  problem: null,
  isEmpty: false,
  isModel: true,
});

/** A poll of what `looks` gives, one after the other, the last again and again. */
function polling(t: TestContext, looks: (readonly ModelSource[] | Error)[], known: readonly ModelSource[] = []) {
  const changes: string[] = [];
  const failures: string[] = [];
  let count = 0;
  const scan = async () => {
    const look = looks[Math.min(count++, looks.length - 1)]!;
    if (look instanceof Error) throw look;
    return look;
  };
  const poll = new RepositoryPoll(
    10,
    scan,
    ([name, source]) => changes.push(`${name} ${source?.versions[0]?.stamp ?? 'gone'}`),
    (error) => failures.push(error.message),
  );
  poll.start(known);
  t.after(() => poll.stop());
  return { poll, changes, failures, done: () => until(() => count > looks.length + 1) };
}

test('a change is told once, when it was seen twice', async (t) => {
  const { changes, done } = polling(
    t,
    [[model('a', '1')], [model('a', '2')], [model('a', '3')], [model('a', '3')], [model('a', '3'), model('b', '1')]],
    [model('a', '1')],
  );
  await done();
  assert.deepEqual(changes, ['a 3', 'b 1']);
});

test('what has vanished for one look only is not gone', async (t) => {
  const a = model('a', '1');
  const { changes, done } = polling(t, [[], [a], [], [], [], [a]], [a]);
  await done();
  assert.deepEqual(changes, ['a gone', 'a 1']);
});

test('a change that is taken back is none', async (t) => {
  const a = model('a', '1');
  const { changes, done } = polling(t, [[model('a', '2')], [a], [a]], [a]);
  await done();
  assert.deepEqual(changes, []);
});

test('a look that fails changes nothing', async (t) => {
  const a = model('a', '1');
  const { changes, failures, done } = polling(
    t,
    [new InfernodeError('INF_MODEL_NOT_FOUND', 'gone away'), new Error('odd'), [a]],
    [a],
  );
  await done();
  assert.deepEqual([changes, failures], [[], ['gone away', 'odd']]);
});

test('looks never overlap, and stop waits for the last', async () => {
  let looking = 0;
  let most = 0;
  let count = 0;
  const scan = async () => {
    most = Math.max(most, ++looking);
    await sleep(35);
    looking--;
    count++;
    return [];
  };
  const poll = new RepositoryPoll(
    10,
    scan,
    () => assert.fail('a change'),
    () => assert.fail('a failure'),
  );
  poll.start([]);
  await until(() => count >= 3 && looking === 1);
  await poll.stop();
  assert.equal(looking, 0);
  const before = count;
  await sleep(50);
  assert.deepEqual([most, count], [1, before]);
});
