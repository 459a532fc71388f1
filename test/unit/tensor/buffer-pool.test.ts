import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BufferPool } from '#src/tensor/buffer-pool';

const MEBIBYTE = 1 << 20;

test('memory that was given back is used again, for as many bytes or a little fewer', () => {
  const pool = new BufferPool(16 * MEBIBYTE);
  const first = pool.take(600_000);
  assert.ok(first.byteLength >= 600_000 && first.byteLength <= 600_000 * 1.25);
  assert.notEqual(pool.take(600_000), first);
  pool.give(first);
  assert.notEqual(pool.take(300_000), first);
  assert.equal(pool.take(590_000), first);
});

test('small pieces and those of others are not kept, nor more than the limit', () => {
  const pool = new BufferPool(3 * MEBIBYTE);
  const [small, foreign] = [pool.take(1000), new ArrayBuffer(MEBIBYTE + 8)];
  assert.equal(small.byteLength, 1000);
  for (const buffer of [small, foreign]) pool.give(buffer);
  assert.notEqual(pool.take(1000), small);
  assert.notEqual(pool.take(MEBIBYTE + 8), foreign);
  const four = Array.from({ length: 4 }, () => pool.take(MEBIBYTE));
  for (const buffer of four) pool.give(buffer);
  const again = new Set(Array.from({ length: 4 }, () => pool.take(MEBIBYTE)));
  assert.equal(four.filter((buffer) => again.has(buffer)).length, 3);
});

test('every size is served, with a fifth to spare at the most', () => {
  const pool = new BufferPool(0);
  for (const bytes of [65_536, 65_537, 81_920, 99_999, 131_071, 131_073, 10_000_001]) {
    const { byteLength } = pool.take(bytes);
    assert.ok(byteLength >= bytes && byteLength <= bytes * 1.25, `${byteLength} for ${bytes}`);
    assert.equal(pool.take(byteLength).byteLength, byteLength, 'a size of the pool is one of its sizes');
  }
});
