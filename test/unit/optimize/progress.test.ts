import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OptimizeProgress } from '#src/optimize/optimize-report';
import { startProgress } from '#src/optimize/progress';

function record() {
  const seen: OptimizeProgress[] = [];
  return { seen, meter: startProgress((progress) => seen.push(progress)) };
}

test('goes from 0 to 1, and never back', () => {
  const { seen, meter } = record();
  meter.enter('samples');
  meter.plan(3, 2);
  meter.enter('reference');
  for (let build = 0; build < 3; build++) {
    meter.enter('build', `build ${build}`);
    for (let threads = 0; threads < 2; threads++) meter.enter('measure', `build ${build}`);
  }
  meter.enter('compare');
  meter.enter('write');
  meter.enter('done');
  const fractions = seen.map(({ fraction }) => fraction);
  assert.deepEqual(
    fractions,
    [...fractions].sort((a, b) => a - b),
  );
  assert.deepEqual([fractions[0], fractions.at(-1)], [0, 1]);
  assert.equal(fractions.at(-2), 12 / 13);
});

test('names the candidate at hand, where there is one', () => {
  const { seen, meter } = record();
  meter.enter('samples');
  meter.enter('build', 'torch int8 static');
  assert.deepEqual(Object.keys(seen[0]!), ['stage', 'fraction']);
  assert.equal(seen[1]!.candidate, 'torch int8 static');
});

test('candidates that will not be tried count as done', () => {
  const { seen, meter } = record();
  meter.plan(1, 4);
  meter.enter('build');
  meter.skip(4);
  meter.enter('compare');
  assert.equal(seen[1]!.fraction, 5 / 9);
});

test('is not at its end before it is done, however many steps there are', () => {
  const { seen, meter } = record();
  for (let i = 0; i < 100; i++) meter.enter('measure');
  assert.equal(seen.at(-1)!.fraction, 0.99);
});

test('groups of layers, whose number nobody knows beforehand, are no steps', () => {
  const { seen, meter } = record();
  for (let i = 0; i < 10; i++) meter.enter('layers');
  assert.deepEqual(new Set(seen.map(({ fraction }) => fraction)), new Set([0]));
});
