import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { InputValue } from '#src/backends/backend';
import { CallEncoder, type ScalarKind } from '#src/backends/torch/encode';
import { DTYPES, type DType } from '#src/tensor/dtype';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../../support/expect-error.js';
import { repository } from '../../../support/test-data.js';

const header = readFileSync(join(repository, 'native/include/infernode/backend.h'), 'utf8');
/** The numbers of the C enum `inf_kind`, by lower-case name. */
const KIND = Object.fromEntries(
  [...header.matchAll(/INF_KIND_(\w+) = (\d+)/g)].map(([, name, code]) => [name!.toLowerCase(), Number(code)]),
) as Record<'none' | 'tensor' | 'int' | 'float' | 'bool' | 'text' | 'list' | 'tuple' | 'dict', number>;

const plain: ScalarKind = { float: false, tuple: false, items: [] };
const float: ScalarKind = { ...plain, float: true };

/** What is written for one call. */
function encode(args: readonly InputValue[], kinds: readonly ScalarKind[] = [], room = 1024) {
  let numbers = new Float64Array(room);
  const encoder = new CallEncoder(numbers, (length) => {
    numbers = new Float64Array(length);
    return numbers;
  }).encode(args, kinds);
  return { numbers: [...numbers.subarray(0, encoder.length)], values: encoder.values, room: numbers.length };
}

/** What native code makes of the two halves of an integer (native/core/arguments.cc). */
const joined = (high: number, low: number) => BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low));

describe('a call as numbers', () => {
  test('begins with the number of its arguments', () => {
    assert.deepEqual(encode([]).numbers, [0]);
    assert.deepEqual(encode([null, undefined]).numbers, [2, KIND.none, KIND.none]);
  });

  test('tensors: dtype, rank, dimensions; the array as it is', () => {
    for (const [dtype, { code, array }] of Object.entries(DTYPES)) {
      if (dtype === 'string') continue;
      const data = new (array as Float32ArrayConstructor)(6);
      const tensor = new Tensor(dtype as 'float32', data, [1, 6]);
      const { numbers, values } = encode([tensor]);
      assert.deepEqual(numbers, [1, KIND.tensor, code, 2, 1, 6], dtype);
      assert.equal(values[0], data);
    }
    assert.deepEqual(encode([new Tensor('bool', Uint8Array.of(1), [])]).numbers, [1, KIND.tensor, DTYPES.bool.code, 0]);
  });

  test('string tensors are refused: TorchScript has none', () => {
    throws(() => encode([new Tensor('string', ['a']) as Tensor<DType>]), 'INF_INPUT_DTYPE', 'string');
  });

  test('texts and booleans', () => {
    assert.deepEqual(encode(['ä', '', true, false]), {
      numbers: [4, KIND.text, KIND.text, KIND.bool, 1, KIND.bool, 0],
      values: ['ä', ''],
      room: 1024,
    });
  });

  test('whole numbers keep all of their 64 bits', () => {
    const wholes = [0, 1, -1, 2 ** 31, -(2 ** 31), 2 ** 32, -(2 ** 32) - 1, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 62];
    for (const whole of [...wholes, 2n ** 63n - 1n, -(2n ** 63n), -1n, 2n ** 53n + 1n, 0xdeadbeefn]) {
      const { numbers } = encode([whole]);
      assert.equal(numbers[1], KIND.int);
      assert.ok(numbers[3]! >= 0 && numbers[3]! < 2 ** 32, `low half of ${whole}: ${numbers[3]}`);
      assert.equal(joined(numbers[2]!, numbers[3]!), BigInt(whole), String(whole));
    }
  });

  test('floats: where the signature says so, or the number does', () => {
    assert.deepEqual(encode([2, 2], [float, plain]).numbers, [2, KIND.float, 2, KIND.int, 0, 2]);
    assert.deepEqual(encode([0.5]).numbers, [1, KIND.float, 0.5]);
    assert.deepEqual(encode([Number.NaN, Number.NEGATIVE_INFINITY]).numbers, [
      2,
      KIND.float,
      Number.NaN,
      KIND.float,
      Number.NEGATIVE_INFINITY,
    ]);
  });

  test('numbers beyond 64 bits are floats', () => {
    for (const number of [2 ** 63, 1e300, -1e300]) assert.deepEqual(encode([number]).numbers, [1, KIND.float, number]);
  });

  test('lists, tuples and dicts: their length, then what is in them', () => {
    const list = (item: ScalarKind): ScalarKind => ({ ...plain, items: [item] });
    const tuple = (...items: ScalarKind[]): ScalarKind => ({ ...plain, tuple: true, items });
    assert.deepEqual(encode([[1, 2]], [list(float)]).numbers, [1, KIND.list, 2, KIND.float, 1, KIND.float, 2]);
    assert.deepEqual(encode([[1, 2]], [tuple(plain, float)]).numbers, [
      1,
      KIND.tuple,
      2,
      KIND.int,
      0,
      1,
      KIND.float,
      2,
    ]);
    assert.deepEqual(encode([[[], [3]]], [list(list(float))]).numbers, [
      1,
      KIND.list,
      2,
      KIND.list,
      0,
      KIND.list,
      1,
      KIND.float,
      3,
    ]);
    const dict = encode([{ a: 'x', b: 1 }], [list(float)]);
    assert.deepEqual(dict.numbers, [1, KIND.dict, 2, KIND.text, KIND.float, 1]);
    assert.deepEqual(dict.values, ['a', 'x', 'b'], 'each key before its value');
  });

  test('a dict with the key __proto__', () => {
    const { numbers, values } = encode([JSON.parse('{"__proto__": "x"}')]);
    assert.deepEqual(
      [numbers, values],
      [
        [1, KIND.dict, 1, KIND.text],
        ['__proto__', 'x'],
      ],
    );
  });

  test('a long call gets more room, and loses nothing', () => {
    const numbers = Array.from({ length: 5000 }, (_, i) => i + 0.5);
    const { numbers: written, room } = encode(numbers, [], 4);
    assert.deepEqual(written, [5000, ...numbers.flatMap((number) => [KIND.float, number])]);
    assert.ok(room >= written.length);
  });
});
