import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readResult } from '../../../bench/results/read-result.js';
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
  assert.ok(second.sittingsOf('net') === 1 && second.serverSittingsOf('net') === 0 && !second.hasOverhead());
  const served = models.map((model) => ({ ...model, serverSittings: 1 }));
  await second.add({ models: served, measurements: [measured('Server', 'a', [2])] });
  assert.deepEqual(
    second.result.measurements.map(({ scenario }) => scenario),
    ['Offline', 'Server'],
  );
  assert.equal(second.result.date, empty.date);
  assert.equal(ResultFile.open(file, true, empty).serverSittingsOf('net'), 1);
  assert.equal(ResultFile.open(file, false, empty).serverSittingsOf('net'), 0);
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
    { ...empty, plan: { ...empty.plan, sittings: { least: 99, most: 99 } } },
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

test('knows what says little yet and what is quick, but for servers', async (t) => {
  const { models, contestants } = resultOf([]);
  const found = ResultFile.open(await fileIn(t), false, empty);
  await found.add({
    models,
    contestants,
    measurements: [
      measured('Server', 'a', [10, 20]),
      measured('Server', 'x', [10, 10]),
      measured('Concurrency', 'a', [1], { at: 8 }),
      measured('Offline', 'a', [10, 10], { at: 8 }),
      measured('Offline', 'x', [10, 10], { at: 8 }),
    ],
  });
  assert.ok(!found.saysLittle('net'));
  assert.deepEqual(
    found.serversOf('net').map(({ scenario }) => scenario),
    ['Server', 'Server', 'Concurrency'],
  );
  assert.deepEqual(
    found.measuredOf('net').map(({ scenario }) => scenario),
    ['Offline', 'Offline'],
  );
  // 0.8 s for eight samples.
  assert.ok(!found.isQuick('net'));
  await found.add({
    measurements: [measured('SingleStream', 'a', [0.1, 0.2]), measured('SingleStream', 'x', [0.1, 0.1])],
  });
  assert.deepEqual([found.isQuick('net'), found.saysLittle('net')], [true, true]);
  assert.deepEqual([found.isQuick('other'), found.saysLittle('other')], [false, false]);
});

test('what a run left that was given up is kept when another one begins anew', async (t) => {
  const file = await fileIn(t);
  await ResultFile.open(file, false, empty).add({ measurements: [measured('Offline', 'a', [1])] });
  // Not before it begins: it may only prepare.
  const later = ResultFile.open(file, false, empty);
  assert.ok(!existsSync(`${file}.part.old`));
  later.begin();
  await later.add({});
  assert.equal(JSON.parse(readFileSync(`${file}.part.old`, 'utf8')).measurements.length, 1);
});

test('a limit is the best round of all processes of a run', async (t) => {
  const found = ResultFile.open(await fileIn(t), false, { ...empty, limits: [] });
  const [product] = resultOf([]).limits;
  const limit = (max: number) => ({ ...product!, gops: { median: max, min: max, max } });
  const int8 = { ...limit(9), precision: 'int8' as const };
  for (const limits of [[limit(5)], [limit(4), int8], []]) await found.add({ limits });
  assert.deepEqual(found.result.limits, [limit(5), int8]);
});

test('a file that is no result is named so', () => {
  assert.throws(() => readResult('{"schemaVersion": 2'), /no JSON/);
  for (const text of ['null', '{}', '{"schemaVersion": 1}'])
    assert.throws(() => readResult(text), /no result of the benchmarks of this version/);
});
