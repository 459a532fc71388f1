import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import { DEFAULT_IMAGE, type ImageProcessing } from '#src/config/image-processing';
import { imageToTensor } from '#src/processing/image';
import { rejects } from '../../support/expect-error.js';
import { makeFolder } from '../support/files.js';

/** A picture of pixels that all differ, as PNG. */
function png(width: number, height: number, channels: 1 | 2 | 3 | 4): Promise<Buffer> {
  return sharp(pixels(width * height * channels), { raw: { width, height, channels } })
    .png()
    .toBuffer();
}

function pixels(count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, (_, index) => (index * 37 + 11) % 256));
}

const raw = (settings: Partial<ImageProcessing>): ImageProcessing => ({ ...DEFAULT_IMAGE, scale: 1, ...settings });

async function bytesOf(
  source: Uint8Array | string,
  settings: Partial<ImageProcessing> = {},
): Promise<[number[], readonly number[]]> {
  const tensor = await imageToTensor(source, raw(settings), { dtype: 'uint8' });
  return [Array.from(tensor.data as Uint8Array), tensor.shape];
}

test('channels first or last, red or blue first', async () => {
  const picture = await png(2, 1, 3);
  const [r0, g0, b0, r1, g1, b1] = pixels(6);
  assert.deepEqual(await bytesOf(picture), [
    [r0, r1, g0, g1, b0, b1],
    [1, 3, 1, 2],
  ]);
  assert.deepEqual(await bytesOf(picture, { color: 'bgr' }), [
    [b0, b1, g0, g1, r0, r1],
    [1, 3, 1, 2],
  ]);
  assert.deepEqual(await bytesOf(picture, { layout: 'nhwc' }), [
    [r0, g0, b0, r1, g1, b1],
    [1, 1, 2, 3],
  ]);
});

test('gray is luma as Pillow rounds it', async () => {
  const picture = await sharp(Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255, 12, 34, 56]), {
    raw: { width: 4, height: 1, channels: 3 },
  })
    .png()
    .toBuffer();
  assert.deepEqual(await bytesOf(picture, { color: 'gray' }), [
    [76, 150, 29, 30],
    [1, 1, 1, 4],
  ]);
});

test('gray pictures have three equal channels, alpha is dropped', async () => {
  const [gray] = await bytesOf(await png(2, 2, 1));
  assert.deepEqual(gray, [...pixels(4), ...pixels(4), ...pixels(4)]);
  const source = pixels(16);
  const [rgb] = await bytesOf(await png(2, 2, 4), { layout: 'nhwc' });
  assert.deepEqual(
    rgb,
    [...source].filter((_, index) => index % 4 !== 3),
  );
  const [fromTwo] = await bytesOf(await png(2, 2, 2), { color: 'gray' });
  assert.deepEqual(
    fromTwo,
    [...pixels(8)].filter((_, index) => index % 2 === 0),
  );
});

test('values are scaled, shifted and divided in float32', async () => {
  const settings = { ...DEFAULT_IMAGE, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  const tensor = await imageToTensor(await png(1, 1, 3), settings);
  const want = [...pixels(3)].map((pixel, channel) => {
    const shifted = Math.fround(Math.fround(pixel / 255) - Math.fround(settings.mean[channel]!));
    return Math.fround(shifted / Math.fround(settings.std[channel]!));
  });
  assert.deepEqual(Array.from(tensor.data as Float32Array), want);
});

test('one mean serves every channel; 16-bit floats are made too', async () => {
  const tensor = await imageToTensor(await png(1, 1, 3), raw({ mean: [11] }), { dtype: 'float16' });
  assert.deepEqual([tensor.dtype, tensor.data], ['float16', Uint16Array.of(0, 0x50a0, 0x54a0)]);
});

test('an integer input needs whole numbers', async () => {
  const picture = await png(1, 1, 3);
  await rejects(imageToTensor(picture, DEFAULT_IMAGE, { dtype: 'uint8' }), 'INF_OPTION_INVALID', /scale 1/);
  await rejects(imageToTensor(picture, raw({}), { dtype: 'int8' }), 'INF_OPTION_INVALID', /int8/);
  const shifted = await imageToTensor(picture, raw({ mean: [128] }), { dtype: 'int8' });
  assert.deepEqual(
    shifted.data,
    Int8Array.from(pixels(3), (pixel) => pixel - 128),
  );
  await rejects(
    imageToTensor(picture, raw({ color: 'gray', mean: [1, 2, 3] })),
    'INF_OPTION_INVALID',
    /settings\.mean must be 1/,
  );
});

test('the centre is cut out, and padded with black where nothing is', async () => {
  const picture = await png(4, 3, 1);
  const source = [...pixels(12)];
  assert.deepEqual(await bytesOf(picture, { color: 'gray', crop: [1, 2] }), [
    [source[5], source[6]],
    [1, 1, 1, 2],
  ]);
  const [padded] = await bytesOf(picture, { color: 'gray', crop: [5, 4] });
  assert.deepEqual(padded, [0, 0, 0, 0, ...source, 0, 0, 0, 0]);
});

test('a picture of the right size is not resampled, another one is', async () => {
  const picture = await png(8, 6, 3);
  assert.deepEqual(await bytesOf(picture, { resize: 6, layout: 'nhwc' }), [[...pixels(144)], [1, 6, 8, 3]]);
  assert.deepEqual((await bytesOf(picture, { resize: 3 }))[1], [1, 3, 3, 4]);
  assert.deepEqual((await bytesOf(picture, { resize: [5, 7] }))[1], [1, 3, 5, 7]);
  const flat = await sharp({ create: { width: 9, height: 7, channels: 3, background: '#406080' } })
    .png()
    .toBuffer();
  for (const interpolation of ['bilinear', 'bicubic', 'lanczos', 'nearest'] as const) {
    const [data] = await bytesOf(flat, { resize: [4, 4], interpolation, layout: 'nhwc' });
    assert.deepEqual(data.slice(0, 3), [0x40, 0x60, 0x80], interpolation);
  }
});

test('a picture that a camera held sideways is turned upright', async () => {
  const turned = await sharp(await png(4, 2, 3))
    .withMetadata({ orientation: 6 })
    .toBuffer();
  assert.deepEqual((await bytesOf(turned))[1], [1, 3, 4, 2]);
  assert.deepEqual((await bytesOf(turned, { resize: 1 }))[1], [1, 3, 2, 1]);
});

test('files are read, and what is no picture is refused by name', async (t) => {
  const picture = await png(2, 2, 3);
  const folder = await makeFolder(t, {
    'a.png': picture,
    'cut.png': picture.subarray(0, picture.length - 20),
    'text.png': 'hello',
  });
  assert.deepEqual((await bytesOf(join(folder, 'a.png')))[1], [1, 3, 2, 2]);
  for (const name of ['cut.png', 'text.png', 'none.png']) {
    await rejects(bytesOf(join(folder, name)), 'INF_FILE_INVALID', new RegExp(`${name} cannot be read as a picture`));
  }
  await rejects(bytesOf(new Uint8Array(0)), 'INF_FILE_INVALID', /The picture cannot be read/);
});
