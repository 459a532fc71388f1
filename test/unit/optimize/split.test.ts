import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitSamples } from '#src/optimize/split';

const named = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `sample-${i}.png` }));
const namesOf = (samples: readonly { name: string }[]) => samples.map(({ name }) => name);

test('no sample is in both parts', () => {
  const { calibration, validation } = splitSamples(named(500), 100, 400);
  assert.deepEqual([calibration.length, validation.length], [100, 400]);
  assert.equal(new Set(namesOf([...calibration, ...validation])).size, 500);
});

test('half of the samples at most calibrate', () => {
  for (const [count, expected] of [
    [2, 1],
    [3, 1],
    [7, 3],
    [200, 100],
    [201, 100],
  ] as const) {
    const { calibration, validation } = splitSamples(named(count), 100, 400);
    assert.deepEqual([calibration.length, validation.length], [expected, Math.min(count - expected, 400)]);
  }
});

test('a single sample validates', () => {
  const { calibration, validation } = splitSamples(named(1), 100, 400);
  assert.deepEqual([calibration.length, validation.length], [0, 1]);
});

test('the order of the samples does not matter', () => {
  const samples = named(50);
  assert.deepEqual(splitSamples([...samples].reverse(), 10, 20), splitSamples(samples, 10, 20));
});

test('each part is a mix of samples that are sorted by class', () => {
  const { calibration } = splitSamples(named(400), 100, 300);
  const early = calibration.filter(({ name }) => Number(/\d+/.exec(name)) < 200).length;
  assert.ok(early > 30 && early < 70, `${early} of 100 are from the first half`);
});
