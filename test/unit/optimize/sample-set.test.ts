import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Tensor } from 'infernode';
import type { Signature, ValueInfo } from '#src/backends/backend';
import type { ModelConfig } from '#src/config/model-config';
import type { SampleInputs } from '#src/conversion/build';
import { fillOptimizeOptions, type OptimizeOptions } from '#src/optimize/optimize-options';
import { makeBatch, readSampleSet } from '#src/optimize/sample-set';
import type { Sample } from '#src/optimize/samples';
import { writeNpy } from '#src/tensor/npy';
import { rejects } from '../../support/expect-error.js';
import { makeFolder } from '../support/files.js';

const x: ValueInfo = { name: 'x', kind: 'tensor', dtype: 'float32', shape: null, optional: false, type: 'Tensor' };
const signature: Signature = { inputs: [x], outputs: [] };
const tensor = (...values: number[]) => new Tensor('float32', Float32Array.from(values), [1, values.length]);
const samples = (count: number): SampleInputs[] => Array.from({ length: count }, (_, i) => ({ x: tensor(i) }));

const read = (options: Partial<OptimizeOptions>, config: ModelConfig | null = null) =>
  readSampleSet(signature, config, fillOptimizeOptions({ calibration: samples(10), output: 'out', ...options }));

const npyFolder = (t: TestContext, count: number) =>
  makeFolder(t, Object.fromEntries(samples(count).map(({ x: value }, i) => [`s${i}.npy`, writeNpy(value as Tensor)])));

describe('samples', () => {
  test('are split in two, and none is in both', async () => {
    const { calibration, validation, labels } = await read({ calibrationSamples: 3, validationSamples: 4 });
    assert.deepEqual([calibration.length, validation.length], [3, 4]);
    assert.equal(new Set([...calibration, ...validation].map(({ name }) => name)).size, 7);
    assert.deepEqual(labels, [undefined, undefined, undefined, undefined]);
  });

  test('may be in a folder', async (t) => {
    const { calibration, validation } = await read({ calibration: await npyFolder(t, 5) });
    assert.deepEqual([calibration.length, validation.length], [2, 3]);
    const [first] = validation;
    assert.equal((first!.inputs.x as Tensor).data[0], Number(/\d+/.exec(first!.name)));
  });

  test('need to be two at least', async () => {
    for (const count of [0, 1]) {
      const reading = read({ calibration: samples(count) });
      await rejects(reading, 'INF_CALIBRATION_INVALID', `${count} sample`, 'at least 2');
    }
  });

  test('with NaN are refused', async () => {
    const spoilt = [...samples(3), { x: tensor(1, Number.NaN) }];
    await rejects(read({ calibration: spoilt }), 'INF_CALIBRATION_INVALID', 'Sample 3', 'NaN');
  });

  test('are read no further when tuning is given up', async () => {
    await rejects(read({ signal: AbortSignal.abort() }), 'INF_ABORTED');
  });
});

describe('labels', () => {
  test('go by the name of the sample', async () => {
    const classes = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [String(i), i * 10]));
    const { validation, labels } = await read({ labels: classes });
    assert.deepEqual(
      labels,
      validation.map(({ name }) => (name === '9' ? undefined : Number(name) * 10)),
    );
  });

  test('are told of, where some are missing', async () => {
    const { validation, unlabelled, highest } = await read({ labels: { 0: 4, 1: 7, 2: 7, 3: 1, 4: 2, 5: 0 } });
    assert.deepEqual(
      unlabelled,
      validation.map(({ name }) => name).filter((name) => Number(name) > 5),
    );
    assert.equal(highest!.index, 7);
    assert.match(highest!.sample, /^[12]$/);
    assert.deepEqual([(await read({})).unlabelled, (await read({})).highest], [[], undefined]);
  });

  test('may be in a file, by the labels of the model', async (t) => {
    const folder = await npyFolder(t, 4);
    const rows = ['s0.npy,hen', 's1.npy,duck', 's2.npy,hen', 's3.npy,duck'];
    const file = join(await makeFolder(t, { 'c.csv': rows.join('\n') }), 'c.csv');
    const config = { processing: { labels: ['duck', 'hen'] } } as ModelConfig;
    const { validation, labels } = await read({ calibration: folder, labels: file }, config);
    assert.deepEqual(
      labels,
      validation.map(({ name }) => (/[02]/.test(name) ? 1 : 0)),
    );
  });

  test('of other samples are refused', async () => {
    await rejects(read({ labels: { 'a.png': 1 } }), 'INF_CALIBRATION_INVALID', 'none of the samples');
  });
});

describe('the hash of samples', () => {
  test('is the same for the same', async () => {
    assert.equal((await read({})).hash, (await read({})).hash);
  });

  test('depends on what is in them, on the split and on the labels', async () => {
    const hashes = [
      {},
      { calibration: samples(11) },
      { calibration: samples(10).map(({ x: value }, i) => ({ x: i === 4 ? tensor(99) : value! })) },
      { calibration: samples(10).map(({ x: value }) => ({ y: value! })) },
      { calibration: samples(10).map((_, i) => ({ x: new Tensor('int32', Int32Array.of(i), [1, 1]) })) },
      { calibration: samples(10).map((_, i) => ({ x: new Tensor('float32', Float32Array.of(i)) })) },
      { calibration: samples(10).map((_, i) => ({ x: BigInt(i) })) },
      { calibration: samples(10).map((_, i) => ({ x: [i, 'text', null] })) },
      { calibration: samples(10).map((_, i) => ({ x: new Tensor('string', [String(i)]) })) },
      { calibrationSamples: 1 },
      { labels: { 0: 1, 1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1, 8: 1, 9: 1 } },
    ].map(async (options) => (await read(options)).hash);
    assert.equal(new Set(await Promise.all(hashes)).size, hashes.length);
  });
});

describe('a batch', () => {
  const named = (...inputs: SampleInputs[]): Sample[] => inputs.map((each, i) => ({ name: String(i), inputs: each }));
  const sized = (shape: ValueInfo['shape']): Signature => ({ inputs: [{ ...x, shape }], outputs: [] });

  test('has eight rows, of the samples in turn', () => {
    const batch = makeBatch(named(...samples(3)), signature)!;
    assert.deepEqual((batch.x as Tensor).shape, [8, 1]);
    assert.deepEqual([...(batch.x as Tensor).toNumbers()], [0, 1, 2, 0, 1, 2, 0, 1]);
  });

  test('is the first sample several times, if they have several sizes', () => {
    const batch = makeBatch(named({ x: tensor(1, 2) }, { x: tensor(3) }), signature)!;
    assert.deepEqual((batch.x as Tensor).shape, [8, 2]);
    assert.deepEqual([...(batch.x as Tensor).toNumbers().slice(-2)], [1, 2]);
  });

  test('is none of a model that takes one row, or of samples that are not one', () => {
    assert.equal(makeBatch(named(...samples(2)), sized([1, 1])), null);
    assert.notEqual(makeBatch(named(...samples(2)), sized([null, 1])), null);
    assert.equal(makeBatch(named({ x: 5 }, { x: 5 }), signature), null);
    assert.equal(makeBatch(named({}, {}), signature), null);
    const scalar = new Tensor('float32', Float32Array.of(1), []);
    assert.equal(makeBatch(named({ x: scalar }, { x: scalar }), signature), null);
    const rows = new Tensor('float32', new Float32Array(4), [2, 2]);
    assert.equal(makeBatch(named({ x: rows }, { x: rows }), signature), null);
  });
});
