import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, test } from 'node:test';
import { Tensor } from 'infernode';
import { calibrate, type Sample } from '#src/conversion/onnx/calibrate';
import { OBSERVERS } from '#src/conversion/onnx/observer';
import { rejects } from '../../../support/expect-error.js';
import { type GraphSpec, node, value } from '../../../support/onnx-builder.js';
import { decode, noiseTensor } from './models.js';

/** y = sqrt(x): NaN for what is negative. */
const roots: GraphSpec = {
  node: [node('Sqrt', ['x'], ['y'], { name: 'root' })],
  input: [value('x', 'float32', ['n'])],
  output: [value('y', 'float32', ['n'])],
};

const sample = (...values: number[]): Sample => ({ x: new Tensor('float32', Float32Array.from(values)) });

for (const observer of OBSERVERS) {
  describe(observer, () => {
    test('finds ranges over all samples', async () => {
      const counts: number[] = [];
      const ranges = await calibrate(decode(roots), ['x', 'y'], [sample(4, 9), sample(16)], {
        observer,
        onSample: (count) => counts.push(count),
      });
      assert.deepEqual([...ranges.keys()], ['x', 'y']);
      assert.deepEqual(counts, [1, 2]);
      if (observer === 'min-max') assert.deepEqual(ranges.get('x'), { min: 4, max: 16 });
      for (const { min, max } of ranges.values()) assert.ok(min >= 0 && max <= 16 && max > min, `${min} to ${max}`);
    });

    test('names the sample and the tensor of NaN and infinity', async () => {
      const samples = [sample(1), sample(2, -1)];
      const error = await rejects(
        calibrate(decode(roots), ['x', 'y'], samples, { observer }),
        'INF_CALIBRATION_INVALID',
        'Sample 1',
        '"y"',
      );
      assert.equal(error.details.sample, 1);
      assert.equal(error.details.name, 'y');
      await rejects(
        calibrate(decode(roots), ['x'], [sample(Number.POSITIVE_INFINITY)], { observer }),
        'INF_CALIBRATION_INVALID',
        'Sample 0',
        '"x"',
      );
    });
  });
}

describe('refused', () => {
  test('no samples', async () => {
    await rejects(calibrate(decode(roots), ['x'], []), 'INF_CALIBRATION_INVALID', 'no samples');
  });

  for (const [name, bad, says] of [
    ['of another name', { z: noiseTensor([2]) }, '"x"'],
    ['of another shape', { x: noiseTensor([2, 2]) }, 'shape'],
    ['of another dtype', { x: new Tensor('int32', Int32Array.of(1)) }, 'int32'],
  ] as const) {
    test(`a sample ${name}`, async () => {
      const samples = [sample(1), bad as Sample];
      await rejects(calibrate(decode(roots), ['x'], samples), 'INF_CALIBRATION_INVALID', 'Sample 1', says);
    });
  }

  test('an abort between samples, and no file is left', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('infernode-')).length;
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<Sample> {
      for (;;) yield sample(1);
    }
    const promise = calibrate(decode(roots), ['x'], endless(), {
      signal: controller.signal,
      onSample: (count) => count === 3 && controller.abort(new Error('enough')),
    });
    const error = await rejects(promise, 'INF_ABORTED');
    assert.equal((error.cause as Error).message, 'enough');
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith('infernode-')).length;
    assert.ok(after <= before, `${after} folders, ${before} before`);
  });
});
