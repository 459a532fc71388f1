import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinArguments, releaseJoined, rowsOf } from '#src/engine/batching/join-requests';
import { DTYPES, type DType } from '#src/tensor/dtype';
import { Tensor } from '#src/tensor/tensor';

/** A tensor of so many rows of two elements, all of them `value`. */
function filled(dtype: DType, rows: number, value: number): Tensor {
  if (dtype === 'string') return new Tensor('string', new Array<string>(2 * rows).fill(String(value)), [rows, 2]);
  const element = dtype === 'int64' || dtype === 'uint64' ? BigInt(value) : value;
  return new Tensor<DType>(dtype, new DTYPES[dtype].array(2 * rows).fill(element as never), [rows, 2]);
}

for (const dtype of Object.keys(DTYPES) as DType[]) {
  test(`${dtype}: joined, filled up with zeros, and taken apart`, () => {
    const parts = [filled(dtype, 1, 1), filled(dtype, 2, 0), filled(dtype, 1, 1)];
    const [joined, scalar] = joinArguments(
      parts.map((part) => [part, 7]),
      6,
    ) as [Tensor, number];
    assert.equal(scalar, 7);
    assert.deepEqual(joined.shape, [6, 2]);
    const text = Array.from(joined.data as ArrayLike<unknown>, String).join();
    const zero = dtype === 'string' ? '' : '0';
    assert.equal(text, ['1', '1', '0', '0', '0', '0', '1', '1', ...new Array(4).fill(zero)].join());
    const { x } = rowsOf({ x: joined }, { start: 1, rows: 2 });
    assert.deepEqual(x, parts[1]);
  });
}

test('memory that is used again is zero where nobody has rows', () => {
  const row = new Tensor('float32', new Float32Array(40_000).fill(1), [1, 40_000]);
  const full = joinArguments([[row], [row]], 2);
  releaseJoined(full);
  const [padded] = joinArguments([[row]], 2) as [Tensor<'float32'>];
  assert.equal(padded.data.buffer, (full[0] as Tensor<'float32'>).data.buffer, 'the memory is another one');
  assert.deepEqual([padded.data[39_999], padded.data[40_000], padded.data[79_999]], [1, 0, 0]);
});
