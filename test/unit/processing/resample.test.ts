import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Picture, resample } from '#src/processing/resample';

/** What Pillow 12.3 makes of 9x7 grey pixels resized to 4x3, and of 3x2 resized to 5x3. */
const PILLOW = {
  bilinear: {
    smaller: [108, 144, 123, 105, 131, 123, 145, 137, 163, 145, 124, 126],
    larger: [11, 26, 48, 70, 85, 67, 82, 104, 126, 141, 122, 137, 159, 181, 196],
  },
  bicubic: {
    smaller: [103, 147, 124, 102, 133, 122, 145, 138, 166, 144, 124, 126],
    larger: [1, 15, 41, 67, 81, 64, 78, 104, 130, 144, 126, 140, 166, 192, 206],
  },
  lanczos: {
    smaller: [104, 146, 124, 104, 135, 125, 142, 140, 162, 143, 129, 122],
    larger: [0, 5, 34, 63, 74, 64, 75, 104, 133, 144, 133, 144, 173, 202, 213],
  },
  nearest: {
    smaller: [125, 199, 17, 91, 23, 97, 171, 245, 177, 251, 69, 143],
    larger: [11, 11, 48, 85, 85, 122, 122, 159, 196, 196, 122, 122, 159, 196, 196],
  },
} as const;

function picture(width: number, height: number, channels = 1): Picture {
  const pixels = Uint8Array.from({ length: width * height * channels }, (_, index) => (index * 37 + 11) % 256);
  return { pixels, width, height, channels };
}

for (const [name, { smaller, larger }] of Object.entries(PILLOW)) {
  const interpolation = name as keyof typeof PILLOW;
  test(`${name} gives Pillow's bytes`, async () => {
    const small = await resample(picture(9, 7), { width: 4, height: 3 }, interpolation);
    assert.deepEqual([...small.pixels], smaller);
    const large = await resample(picture(3, 2), { width: 5, height: 3 }, interpolation);
    assert.deepEqual([...large.pixels], larger);
  });
  test(`${name} keeps channels apart`, async () => {
    const source = picture(9, 7, 3);
    const together = await resample(source, { width: 4, height: 3 }, interpolation);
    assert.deepEqual([together.width, together.height, together.channels], [4, 3, 3]);
    for (let channel = 0; channel < 3; channel++) {
      const pixels = source.pixels.filter((_, index) => index % 3 === channel);
      const alone = await resample({ ...source, pixels, channels: 1 }, { width: 4, height: 3 }, interpolation);
      assert.deepEqual(
        together.pixels.filter((_, index) => index % 3 === channel),
        alone.pixels,
      );
    }
  });
}

test('one side may stay, and one pixel may grow', async () => {
  const wide = await resample(picture(9, 7), { width: 4, height: 7 }, 'bilinear');
  assert.deepEqual([wide.width, wide.height, wide.pixels.length], [4, 7, 28]);
  const dot = await resample(picture(1, 1), { width: 2, height: 2 }, 'lanczos');
  assert.deepEqual([...dot.pixels], [11, 11, 11, 11]);
});

test('the event loop gets its turns', async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await resample(picture(2000, 1500, 3), { width: 300, height: 225 }, 'bilinear');
  clearInterval(timer);
  assert.ok(turns > 0);
});
