import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { availableCores } from '#src/config/thread-budget';
import { fillOptimizeOptions, type OptimizeOptions } from '#src/optimize/optimize-options';
import { throws } from '../../support/expect-error.js';

const least: OptimizeOptions = { calibration: 'samples', output: 'out' };

test('what is left out has a default', () => {
  const filled = fillOptimizeOptions({ ...least, labels: undefined } as unknown as OptimizeOptions);
  const { onProgress, threads, ...others } = filled;
  assert.deepEqual(others, {
    ...least,
    maxDrop: 0.01,
    objective: 'latency',
    calibrationSamples: 100,
    validationSamples: 400,
    backend: 'auto',
    images: {},
    cache: true,
  });
  onProgress({ stage: 'done', fraction: 1 });
  assert.equal(threads[0], 1);
  assert.equal(threads.at(-1), availableCores());
  assert.equal(new Set(threads).size, threads.length);
});

test('what is given counts', () => {
  const given: OptimizeOptions = {
    calibration: [{ x: 1 }],
    output: 'out',
    labels: { 0: 3 },
    maxDrop: 0,
    objective: 'memory',
    calibrationSamples: 1,
    validationSamples: 2,
    threads: [1],
    backend: 'onnx',
    images: { resize: 8 },
    libtorch: '/lib',
    cache: false,
    onProgress: () => {},
    signal: AbortSignal.timeout(1),
  };
  assert.deepEqual(fillOptimizeOptions(given), given);
});

describe('what cannot be right is refused, by name', () => {
  const refused: [name: string, ...values: unknown[]][] = [
    ['calibration', undefined, 5, {}],
    ['output', undefined, '', 5],
    ['labels', 5, true, { 'a.png': -1 }, { 'a.png': 1.5 }, { 'a.png': 'hen' }],
    ['maxDrop', -0.1, 1, Number.NaN, '0.1'],
    ['objective', 'speed', null],
    ['backend', 'tensorflow', null],
    ['threads', [], [0], [1.5], [1e6], 2, '12', null],
    ['calibrationSamples', 0, 1.5, '9'],
    ['validationSamples', 0, -1, Number.POSITIVE_INFINITY],
    ['images', null, 'nhwc'],
    ['libtorch', 5],
    ['cache', 'no', null],
    ['onProgress', 5, null],
    ['signal', {}, null],
  ];
  for (const [name, ...values] of refused) {
    test(name, () => {
      for (const value of values) {
        const error = throws(() => fillOptimizeOptions({ ...least, [name]: value }), 'INF_OPTION_INVALID', name);
        assert.equal(error.details.name, name);
      }
    });
  }

  test('an option that there is not', () => {
    const misspelt = { ...least, maxdrop: 0.1 } as OptimizeOptions;
    throws(() => fillOptimizeOptions(misspelt), 'INF_OPTION_INVALID', '"maxdrop"', 'did you mean "maxDrop"');
  });

  test('options that are none', () => {
    for (const options of [null, 'samples', undefined]) {
      throws(() => fillOptimizeOptions(options as unknown as OptimizeOptions), 'INF_OPTION_INVALID', 'object');
    }
  });
});
