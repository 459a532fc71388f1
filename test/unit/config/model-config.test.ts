import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_IMAGE } from '#src/config/image-processing';
import { parseModelConfig } from '#src/config/model-config';
import type { InfernodeError } from '#src/errors';
import { throws } from '../../support/expect-error.js';

const parse = (json: unknown) => parseModelConfig(json, 'model.json');

test('a whole config comes out as it went in', () => {
  const config = {
    inputs: [{ name: 'image', dtype: 'float32', shape: [null, 3, 64, 'w'] }],
    outputs: [{ name: 'scores' }],
    processing: {
      image: {
        input: 'image',
        resize: 256,
        crop: [224, 192],
        interpolation: 'bicubic',
        color: 'bgr',
        layout: 'nhwc',
        scale: 1,
        mean: [1, 2, 3],
        std: [4, 5, 6],
      },
      labels: ['a', 'b'],
      softmax: false,
    },
    backend: 'torch',
    threads: 2,
    precision: 'bf16',
    layout: { channelsLast: true, fuse: false },
    instances: 2,
    batching: { maxSize: 8, maxDelayMs: 2.5, maxQueue: 64 },
    warmup: 3,
  };
  assert.deepEqual(parse(config), config);
});

test('everything is optional, and image processing is filled in', () => {
  assert.deepEqual(parse({}), {});
  assert.deepEqual(parse({ processing: { image: {} } }).processing?.image, DEFAULT_IMAGE);
  assert.deepEqual(parse({ processing: { image: { mean: 0.5 } } }).processing?.image?.mean, [0.5]);
  assert.deepEqual(parse({ $schema: 'https://example.org', warmup: true }), { warmup: 1 });
  assert.deepEqual(parse({ inputs: [{ name: 'x', shape: [-1, 3] }] }).inputs?.[0]?.shape, [null, 3]);
});

const WRONG: [json: unknown, message: RegExp][] = [
  [[], /the file must be an object, not an array of 0/],
  [{ inputz: [] }, /unknown key inputz \(did you mean "inputs"\?\)/],
  [{ nonsense: 1 }, /unknown key nonsense; known keys: inputs, outputs/],
  [{ inputs: {} }, /inputs must be an array of .*, not an object/],
  [{ inputs: [{ dtype: 'float32' }] }, /inputs\[0\] must be an object with a name/],
  [{ inputs: [{ name: 'x' }, { name: 'x' }] }, /inputs\[1\]\.name must be unique, not "x"/],
  [
    { inputs: [{ name: 'x', dtype: 'flaot32' }] },
    /inputs\[0\]\.dtype must be .*"flaot32" \(did you mean "float32"\?\)/,
  ],
  [{ outputs: [{ name: 'x', shape: [1.5] }] }, /outputs\[0\]\.shape\[0\] must be a size, a name, or null/],
  [{ processing: { image: { resise: 1 } } }, /unknown key processing\.image\.resise \(did you mean "resize"\?\)/],
  [{ processing: { image: { resize: 0 } } }, /processing\.image\.resize must be an integer of at least 1, not 0/],
  [{ processing: { image: { crop: [1, 2, 3] } } }, /processing\.image\.crop must be .*\[height, width\]/],
  [{ processing: { image: { mean: [1, 2] } } }, /processing\.image\.mean must be .*each channel/],
  [{ processing: { image: { mean: [0, 'a', 0] } } }, /processing\.image\.mean\[1\] must be a number, not "a"/],
  [{ processing: { image: { std: [1, 0, 1] } } }, /processing\.image\.std\[1\] must be a number other than 0/],
  [{ processing: { image: { color: 'gray', std: [1, 2, 3] } } }, /processing\.image\.std must be 1 or 1 numbers/],
  [{ processing: { labels: [1] } }, /processing\.labels\[0\] must be a non-empty string, not 1/],
  [{ precision: 'fp8' }, /precision must be "auto", "fp32"/],
  [{ instances: 0 }, /instances must be an integer of at least 1/],
  [{ batching: { maxDelayMs: -1 } }, /batching\.maxDelayMs must be a number of at least 0/],
  [{ warmup: 'yes' }, /warmup must be/],
];

for (const [json, message] of WRONG) {
  test(`refused: ${JSON.stringify(json)}`, () => void throws(() => parse(json), 'INF_MODEL_CONFIG', message));
}

test('errors carry file, path, expected and given for programs', () => {
  try {
    parse({ processing: { image: { layout: 'hwc' } } });
    assert.fail('no error');
  } catch (error) {
    assert.deepEqual((error as InfernodeError).details, {
      file: 'model.json',
      path: 'processing.image.layout',
      expected: '"nchw", "nhwc"',
      given: '"hwc"',
    });
  }
});

test('which versions serve', () => {
  for (const versions of ['latest', 'all', [1, 3], { latest: 2 }]) assert.deepEqual(parse({ versions }), { versions });
  assert.deepEqual(parse({ versions: [3, 1, 3] }), { versions: [1, 3] });
  for (const versions of ['newest', [], {}, 2, null]) {
    throws(() => parse({ versions }), 'INF_MODEL_CONFIG', 'versions must be "latest", "all", a list of versions');
  }
  throws(() => parse({ versions: [0] }), 'INF_MODEL_CONFIG', 'versions[0]', 'an integer of at least 1');
  throws(() => parse({ versions: ['1'] }), 'INF_MODEL_CONFIG', 'versions[0]');
  throws(() => parse({ versions: { latest: 0 } }), 'INF_MODEL_CONFIG', 'versions.latest');
  throws(() => parse({ versions: { newest: 1 } }), 'INF_MODEL_CONFIG', 'versions.newest');
});
