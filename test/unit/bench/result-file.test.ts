import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ResultFile } from '../../../bench/results/result-file.js';
import { makeFolder } from '../support/files.js';
import { measured, resultOf } from './result.js';

const empty = { ...resultOf([]), seconds: 0, models: [], contestants: [] };
const fileIn = async (t: unknown) => join(await makeFolder(t as TestContext, {}), 'results', 'quick.json');

test('is kept after each part, and goes on where it ended', async (t) => {
  const file = await fileIn(t);
  const first = ResultFile.open(file, true, empty);
  const { models, contestants } = resultOf([]);
  await first.add({ models, contestants, measurements: [measured('Offline', 'a', [1])] });
  assert.deepEqual(JSON.parse(readFileSync(`${file}.part`, 'utf8')), first.result);
  const second = ResultFile.open(file, true, { ...empty, date: '2027-01-01T00:00:00.000Z' });
  assert.ok(second.sittingsOf('net') === 1 && !second.hasServers('net') && !second.hasOverhead());
  await second.add({ measurements: [measured('Server', 'a', [2])] });
  assert.deepEqual(
    second.result.measurements.map(({ scenario }) => scenario),
    ['Offline', 'Server'],
  );
  assert.equal(second.result.date, empty.date);
  assert.ok(ResultFile.open(file, true, empty).hasServers('net'));
  assert.ok(!ResultFile.open(file, false, empty).hasServers('net'));
});

test('takes the place of an earlier one when it is finished, and not before', async (t) => {
  const file = await fileIn(t);
  const read = () => JSON.parse(readFileSync(file, 'utf8')).measurements.length as number;
  const earlier = ResultFile.open(file, false, empty);
  await earlier.add({ measurements: [measured('Offline', 'a', [1])] });
  await earlier.finish();
  const later = ResultFile.open(file, false, empty);
  await later.add({});
  assert.equal(read(), 1);
  await later.finish();
  assert.equal(read(), 0);
  assert.ok(!existsSync(`${file}.part`));
  const resumed = ResultFile.open(file, true, empty);
  await resumed.add({ measurements: [measured('Server', 'a', [2])] });
  await resumed.finish();
  assert.equal(read(), 1);
});

test('does not go on with a result of another plan or version', async (t) => {
  const file = await fileIn(t);
  await ResultFile.open(file, false, empty).add({});
  const others = [
    { ...empty, plan: { ...empty.plan, sittings: 99 } },
    { ...empty, versions: { ...empty.versions, infernode: '9.9.9' } },
    { ...empty, threads: 99 },
  ];
  for (const other of others)
    assert.throws(() => ResultFile.open(file, true, other), /another plan, machine or version/);
});

test('rounds of a later sitting join those of the first, and what is said anew replaces', async (t) => {
  const file = await fileIn(t);
  const { models, contestants } = resultOf([]);
  const found = ResultFile.open(file, false, empty);
  await found.add({ models, contestants, measurements: [measured('SingleStream', 'a', [1, 2])] });
  assert.deepEqual([found.sittingsOf('net'), found.sittingsOf('other')], [1, 0]);
  const [first] = contestants;
  await found.add({
    models: models.map((model) => ({ ...model, sittings: 2 })),
    contestants: [{ ...first!, settings: 'new' }],
    measurements: [measured('SingleStream', 'a', [null, null, 3])],
  });
  assert.deepEqual(found.result.measurements, [measured('SingleStream', 'a', [1, 2, 3], { calls: 20 })]);
  assert.deepEqual([found.result.models.length, found.result.contestants.length], [models.length, contestants.length]);
  assert.equal(found.result.contestants[0]!.settings, 'new');
  assert.equal(ResultFile.open(file, true, empty).sittingsOf('net'), 2);
});
