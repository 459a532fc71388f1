import { InfernodeError } from '../errors.js';
import type { DType } from './dtype.js';
import { bfloat16ToNumber, float16ToNumber, numberToBfloat16, numberToFloat16 } from './half.js';

/** What JSON (or JavaScript) has for one element of a tensor. */
export type JsonElement = number | bigint | boolean | string;

const INTEGER_RANGES = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const;

/** How JSON, which has no such numbers, writes them. */
const SPECIAL: ReadonlyMap<unknown, number> = new Map([
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
]);

/** Whether `value` is "NaN", "Infinity" or "-Infinity". */
export function isSpecialNumber(value: unknown): boolean {
  return SPECIAL.has(value);
}

/**
 * The value that a tensor of `dtype` stores for a JSON element: a bigint for int64 and uint64, bits for the 16-bit floats,
 * 0 or 1 for bool. Floats round to the nearest; integers must be in range and whole.
 *
 * @param where tells where the element stands, for the error
 * @throws InfernodeError INF_TENSOR_DATA
 */
export function storedElement(value: unknown, dtype: DType, where: () => string): number | bigint | string {
  switch (dtype) {
    case 'string':
      return typeof value === 'string' ? value : fail(value, 'a string', where);
    case 'bool':
      return value === true || value === 1
        ? 1
        : value === false || value === 0
          ? 0
          : fail(value, 'true or false', where);
    case 'float32':
    case 'float64':
    case 'float16':
    case 'bfloat16':
      return storedFloat(value, dtype, where);
    default:
      return storedInteger(value, dtype, where);
  }
}

/**
 * As `storedElement`, for what `JSON.parse` made of a text: it takes a number beyond all floats for an infinity, which no JSON is.
 *
 * @throws InfernodeError INF_TENSOR_DATA
 */
export function parsedElement(value: unknown, dtype: DType, where: () => string): number | bigint | string {
  const isBeyond = value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
  return isBeyond ? fail(value, `a number within ${dtype}`, where) : storedElement(value, dtype, where);
}

function storedFloat(
  value: unknown,
  dtype: 'float32' | 'float64' | 'float16' | 'bfloat16',
  where: () => string,
): number {
  const number = typeof value === 'bigint' ? Number(value) : (SPECIAL.get(value) ?? value);
  if (typeof number !== 'number') fail(value, 'a number', where);
  const [stored, rounded] = round(number, dtype);
  if (Number.isFinite(number) && !Number.isFinite(rounded)) fail(value, `a number within ${dtype}`, where);
  return stored;
}

/** What is stored, and the number that it stands for. */
function round(number: number, dtype: 'float32' | 'float64' | 'float16' | 'bfloat16'): [number, number] {
  if (dtype === 'float64') return [number, number];
  if (dtype === 'float32') return [Math.fround(number), Math.fround(number)];
  const bits = dtype === 'float16' ? numberToFloat16(number) : numberToBfloat16(number);
  return [bits, dtype === 'float16' ? float16ToNumber(bits) : bfloat16ToNumber(bits)];
}

function storedInteger(value: unknown, dtype: keyof typeof INTEGER_RANGES, where: () => string): number | bigint {
  const [min, max] = INTEGER_RANGES[dtype];
  const expected = `an integer from ${min} to ${max}`;
  const wide = dtype === 'int64' || dtype === 'uint64';
  if (typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && wide) {
    fail(value, `${expected}, and as a string from 2^53 on, where JSON numbers lose digits`, where);
  }
  const isWhole = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
  if (!isWhole && !(typeof value === 'string' && wide && /^-?\d{1,20}$/.test(value))) fail(value, expected, where);
  const integer = BigInt(value as number | bigint | string);
  if (integer < min || integer > max) fail(value, expected, where);
  return wide ? integer : Number(integer);
}

function fail(value: unknown, expected: string, where: () => string): never {
  const path = where();
  const given =
    typeof value === 'bigint' || typeof value === 'number'
      ? `${value}`
      : Array.isArray(value)
        ? 'an array'
        : (JSON.stringify(value) ?? String(value));
  const subject = path === '' ? 'The element' : `Element ${path}`;
  throw new InfernodeError('INF_TENSOR_DATA', `${subject} must be ${expected}, not ${given.slice(0, 60)}`, {
    details: { path, expected, given },
  });
}
