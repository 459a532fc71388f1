import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bfloat16ToNumber, float16ToNumber, numberToBfloat16, numberToFloat16 } from '#src/tensor/half';

/** Every pattern of 16 bits. */
const patterns = Array.from({ length: 0x10000 }, (_, bits) => bits);

/** The numbers halfway between two neighbours, with the neighbour whose last bit is 0. */
function ties(toNumber: (bits: number) => number, largest: number): [value: number, even: number][] {
  return Array.from({ length: largest }, (_, bits) => [
    (toNumber(bits) + toNumber(bits + 1)) / 2,
    bits % 2 === 0 ? bits : bits + 1,
  ]);
}

const formats = [
  {
    name: 'float16',
    toNumber: float16ToNumber,
    toBits: numberToFloat16,
    exponentBits: 5,
    infinity: 0x7c00,
    largest: 65504,
    smallest: 2 ** -24,
    smallestNormal: 2 ** -14,
  },
  {
    name: 'bfloat16',
    toNumber: bfloat16ToNumber,
    toBits: numberToBfloat16,
    exponentBits: 8,
    infinity: 0x7f80,
    largest: 2 ** 127 * (2 - 2 ** -7),
    smallest: 2 ** -133,
    smallestNormal: 2 ** -126,
  },
] as const;

/** The definition of a binary floating-point number, written without the tricks of the source. */
function decode(bits: number, exponentBits: number): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const sign = bits >= 0x8000 ? -1 : 1;
  const exponent = Math.floor((bits % 0x8000) / 2 ** fractionBits);
  const fraction = (bits % 2 ** fractionBits) / 2 ** fractionBits;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

for (const { name, toNumber, toBits, exponentBits, infinity, largest, smallest, smallestNormal } of formats) {
  describe(name, () => {
    test('all 65536 patterns decode as defined, and come back', () => {
      const nans = { decoded: 0, expected: 2 * (2 ** (15 - exponentBits) - 1) };
      for (const bits of patterns) {
        const value = toNumber(bits);
        if (!Object.is(value, decode(bits, exponentBits))) assert.fail(`0x${bits.toString(16)} became ${value}`);
        const back = toBits(value);
        if (Number.isNaN(value)) {
          nans.decoded++;
          if (!Number.isNaN(toNumber(back))) assert.fail(`NaN 0x${bits.toString(16)} came back as a number`);
        } else if (back !== bits) assert.fail(`0x${bits.toString(16)} came back as 0x${back.toString(16)}`);
      }
      assert.equal(nans.decoded, nans.expected);
    });

    test('ties go to the even neighbour, anything beside them to the nearer', () => {
      for (const [index, [tie, even]] of ties(toNumber, infinity - 1).entries()) {
        const above = tie * (1 + 2 ** -20);
        const below = tie * (1 - 2 ** -20);
        const found = [tie, -tie, above, below].map(toBits);
        const expected = [even, even | 0x8000, index + 1, index];
        // Where float32 cannot hold the number beside the tie, there is nothing beside it.
        if (Math.fround(above) === tie) [expected[2], expected[3]] = [even, even];
        if (found.join() !== expected.join()) assert.fail(`near ${tie}: ${found} instead of ${expected}`);
      }
    });

    test('the largest number, and overflow to infinity from half a step above it', () => {
      assert.equal(toNumber(infinity - 1), largest);
      const step = largest - toNumber(infinity - 2);
      assert.equal(toBits(Math.fround(largest + step * 0.49)), infinity - 1);
      assert.equal(toBits(Math.fround(largest + step / 2)), infinity);
      for (const value of [1e300, Number.MAX_VALUE, Number.POSITIVE_INFINITY]) {
        assert.equal(toBits(value), infinity);
        assert.equal(toBits(-value), infinity | 0x8000);
      }
    });

    test('subnormal numbers, and what is smaller than half of the smallest', () => {
      assert.equal(toNumber(1), smallest);
      assert.equal(toNumber(2 ** (15 - exponentBits)), smallestNormal);
      assert.equal(toBits(smallestNormal - smallest), 2 ** (15 - exponentBits) - 1);
      assert.equal(toBits(smallest / 2), 0, 'a tie between 0 and 1, and 0 is even');
      assert.equal(toBits(smallest * 0.75), 1);
      assert.equal(toBits(-smallest / 4), 0x8000);
    });

    test('signed zeros, and NaN', () => {
      assert.equal(toBits(0), 0);
      assert.equal(toBits(-0), 0x8000);
      assert.ok(Object.is(toNumber(0x8000), -0));
      assert.ok(Number.isNaN(toNumber(toBits(Number.NaN))));
    });
  });
}
