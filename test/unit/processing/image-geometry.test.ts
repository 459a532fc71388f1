import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cropWindow, resizedSize } from '#src/processing/image-geometry';

test('the short side is as asked, the long side rounds down', () => {
  assert.deepEqual(resizedSize({ width: 500, height: 375 }, 256), { width: 341, height: 256 });
  assert.deepEqual(resizedSize({ width: 375, height: 500 }, 256), { width: 256, height: 341 });
  assert.deepEqual(resizedSize({ width: 256, height: 300 }, 256), { width: 256, height: 300 });
  assert.deepEqual(resizedSize({ width: 7, height: 9 }, [240, 320]), { height: 240, width: 320 });
  assert.deepEqual(resizedSize({ width: 7, height: 9 }, null), { width: 7, height: 9 });
});

test('of an odd rest, a crop cuts the larger half off at the right and the bottom', () => {
  const top = (height: number, crop: number) => cropWindow({ width: 10, height }, [crop, 10]).top;
  assert.equal(top(257, 224), 16); // 16.5
  assert.equal(top(255, 224), 15); // 15.5
  assert.equal(top(256, 224), 16);
  assert.equal(top(225, 224), 0); // 0.5
});

test('a smaller picture is padded, less before than after', () => {
  assert.deepEqual(cropWindow({ width: 5, height: 10 }, 10), { width: 10, height: 10, top: 0, left: -2 });
  assert.deepEqual(cropWindow({ width: 5, height: 6 }, null), { width: 5, height: 6, top: 0, left: 0 });
});
