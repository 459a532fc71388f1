import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Tensor } from 'infernode';
import type { Signature, ValueInfo } from '#src/backends/backend';
import { checkFinite, findSamples, type Sample } from '#src/optimize/samples';
import type { ImageOptions } from '#src/processing/image-input';
import { writeNpy } from '#src/tensor/npy';
import { rejects, throws } from '../../support/expect-error.js';
import { bundledModel } from '../../support/test-data.js';
import { makeFolder } from '../support/files.js';

const input = (name: string, rest: Partial<ValueInfo> = {}): ValueInfo => ({
  name,
  kind: 'tensor',
  dtype: 'float32',
  shape: null,
  optional: false,
  type: 'Tensor',
  ...rest,
});
const signature = (...inputs: ValueInfo[]): Signature => ({ inputs, outputs: [] });
const one = signature(input('x'));
const two = signature(input('ids', { dtype: 'int64' }), input('mask'));
const npy = (...values: number[]) => writeNpy(new Tensor('float32', Float32Array.from(values)));

async function readAll(folder: string, takes: Signature, images: ImageOptions = {}): Promise<Sample[]> {
  const sources = await findSamples(folder, { signature: takes, config: null, images });
  return Promise.all(sources.map((source) => source.read()));
}

async function read(t: TestContext, files: Record<string, string | Uint8Array>, takes: Signature) {
  const samples = await readAll(await makeFolder(t, files), takes);
  return samples.map(({ name, inputs }) => [
    name,
    Object.fromEntries(
      Object.entries(inputs).map(([key, value]) => [key, value instanceof Tensor ? value.toArray() : value]),
    ),
  ]);
}

describe('the samples of a model of one input', () => {
  test('are .npy files, and .json files with the value, by name', async (t) => {
    const files = { 'b.npy': npy(1, 2), 'a.json': '[3, 4]', 'c.json': '{"shape": [1, 2], "data": [5, 6]}' };
    assert.deepEqual(await read(t, files, one), [
      ['a.json', { x: [3, 4] }],
      ['b.npy', { x: [1, 2] }],
      ['c.json', { x: [[5, 6]] }],
    ]);
  });

  test('may be .json files with the value by the name of the input', async (t) => {
    assert.deepEqual(await read(t, { 'a.json': '{"x": [3, 4]}' }, one), [['a.json', { x: [3, 4] }]]);
    const scaled = signature(input('x'), input('scale', { kind: 'float', dtype: null, optional: true }));
    assert.deepEqual(await read(t, { 'a.json': '{"x": [3, 4], "scale": 2}' }, scaled), [
      ['a.json', { x: [3, 4], scale: 2 }],
    ]);
  });

  test('may lie in folders, and other files are left alone', async (t) => {
    const files = { 'hens/a.npy': npy(1), 'ducks/wild/a.NPY': npy(2), 'README.md': 'text', 'hens/labels.csv': 'a,b' };
    assert.deepEqual(await read(t, files, one), [
      [join('ducks/wild/a.NPY'), { x: [2] }],
      [join('hens/a.npy'), { x: [1] }],
    ]);
  });

  test('may be pictures', async () => {
    const takes = signature(input('image', { shape: [null, 3, 64, 64] }));
    const samples = await readAll(join(bundledModel, 'samples'), takes, { resize: 64, crop: 64 });
    assert.ok(samples.length > 2);
    for (const { name, inputs } of samples) {
      assert.match(name, /\.png$/);
      assert.deepEqual((inputs.image as Tensor).shape, [1, 3, 64, 64]);
    }
  });
});

describe('the samples of a model of several inputs', () => {
  test('are folders with a file for each', async (t) => {
    const files = {
      '1/ids.json': '[1, 2]',
      '1/mask.npy': npy(1, 0),
      'more/2/ids.json': '[3]',
      'more/2/mask.npy': npy(1),
    };
    assert.deepEqual(await read(t, files, two), [
      ['1', { ids: [1n, 2n], mask: [1, 0] }],
      [join('more/2'), { ids: [3n], mask: [1] }],
    ]);
  });

  test('are .json files with the values by name', async (t) => {
    assert.deepEqual(await read(t, { 'a.json': '{"ids": [1], "mask": [0.5]}' }, two), [
      ['a.json', { ids: [1n], mask: [0.5] }],
    ]);
  });

  test('may leave out what is optional', async (t) => {
    const takes = signature(input('x'), input('bias', { optional: true }));
    const files = { '1/x.npy': npy(1), '2/x.npy': npy(2), '2/bias.npy': npy(3) };
    assert.deepEqual(await read(t, files, takes), [
      ['1', { x: [1] }],
      ['2', { x: [2], bias: [3] }],
    ]);
  });

  test('may name elements of a tuple by their path, in files and in .json', async (t) => {
    const pair = input('hc0', { kind: 'tuple', dtype: null, items: [input('hc0.0'), input('hc0.1')] });
    const takes = signature(input('x'), pair);
    const expected = { x: [1], 'hc0.0': [2], 'hc0.1': [3] };
    const files = { '1/hc0.1.npy': npy(3), '1/x.npy': npy(1), '1/hc0.0.npy': npy(2) };
    const json = { 'a.json': '{"x": [1], "hc0.0": [2], "hc0.1": [3]}' };
    assert.deepEqual(await read(t, files, takes), [['1', expected]]);
    assert.deepEqual(await read(t, json, takes), [['a.json', expected]]);
    assert.deepEqual(await read(t, { 'b.json': '{"hc0.0": [2], "hc0.1": [3]}' }, signature(pair)), [
      ['b.json', { 'hc0.0': [2], 'hc0.1': [3] }],
    ]);
    const reading = read(t, { 'a.json': '{"x": [1], "hc0.2": [2]}' }, takes);
    await rejects(reading, 'INF_CALIBRATION_INVALID', 'no input "hc0.2"');
  });

  test('are no single tensors', async (t) => {
    const folder = await makeFolder(t, { 'a.npy': npy(1) });
    const finding = findSamples(folder, { signature: two, config: null });
    await rejects(finding, 'INF_CALIBRATION_INVALID', 'a.npy', 'ids, mask', 'folder');
  });
});

describe('samples are refused', () => {
  test('where there are none', async (t) => {
    for (const files of [{}, { 'README.md': '', 'sub/x.txt': '' }]) {
      await rejects(read(t, files, one), 'INF_CALIBRATION_INVALID', 'has no samples');
    }
  });

  test('where there is no such folder', async (t) => {
    const folder = await makeFolder(t, { file: '' });
    for (const path of [join(folder, 'gone'), join(folder, 'file')]) {
      await rejects(readAll(path, one), 'INF_CALIBRATION_INVALID', path, 'cannot be read');
    }
  });

  const spoilt: [what: string, name: string, content: string | Uint8Array, ...says: string[]][] = [
    ['with NaN', 'a.npy', npy(1, Number.NaN), 'a.npy', 'element 1 of input "x" is NaN'],
    ['with an infinite number', 'a.json', '["-Infinity"]', 'element 0 of input "x" is -Infinity'],
    ['that are cut short', 'a.npy', npy(1, 2, 3).slice(0, -1), 'Sample a.npy'],
    ['that are no JSON', 'a.json', '[1, 2', 'Sample a.json'],
  ];
  for (const [what, name, content, ...says] of spoilt) {
    test(what, async (t) => {
      await rejects(read(t, { [name]: content, 'b.npy': npy(1) }, one), 'INF_CALIBRATION_INVALID', ...says);
    });
  }

  test('with an input that the model does not have', async (t) => {
    const reading = read(t, { 'a.json': '{"ids": [1], "masc": [1]}' }, two);
    await rejects(reading, 'INF_CALIBRATION_INVALID', 'Sample a.json', 'no input "masc"');
  });
});

test('only floats can be other than finite', () => {
  const check = (value: Sample['inputs'][string]) => checkFinite({ name: '7', inputs: { x: value } });
  for (const value of [Number.NaN, 'text', null, [1], new Tensor('int32', Int32Array.of(1))]) check(value);
  const wide = new Tensor('float64', Float64Array.of(0, Number.POSITIVE_INFINITY));
  throws(() => check(wide), 'INF_CALIBRATION_INVALID', 'Sample 7', 'Infinity');
});
