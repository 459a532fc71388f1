import { endOfString } from './json-depth.js';

const QUOTE = 0x22;
const MINUS = 0x2d;
/** Integers with fewer digits are exact as doubles. */
const SAFE_DIGITS = 15;

/**
 * JSON text in which integers that a double may round are strings, so that `JSON.parse` keeps their digits. It is for the
 * rare request that has such integers in 64-bit tensors: it takes a second look at every byte.
 */
export function quoteBigIntegers(json: Buffer): string {
  const pieces: string[] = [];
  let copied = 0;
  let index = 0;
  while (index < json.length) {
    const byte = json[index]!;
    if (byte === QUOTE) {
      index = endOfString(json, index + 1);
    } else if (byte === MINUS || isDigit(byte)) {
      const end = endOfNumber(json, index);
      if (end - index > SAFE_DIGITS && isInteger(json, index, end)) {
        pieces.push(json.toString('utf8', copied, index), `"${json.toString('latin1', index, end)}"`);
        copied = end;
      }
      index = end;
    } else {
      index++;
    }
  }
  pieces.push(json.toString('utf8', copied));
  return pieces.join('');
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39;
}

/** Digits, signs, points and exponents; whether they make a number, `JSON.parse` has said. */
function endOfNumber(json: Buffer, start: number): number {
  let index = start + 1;
  for (; index < json.length; index++) {
    const byte = json[index]!;
    const inNumber = isDigit(byte) || byte === 0x2e || byte === 0x2b || byte === MINUS || (byte | 0x20) === 0x65;
    if (!inNumber) break;
  }
  return index;
}

function isInteger(json: Buffer, start: number, end: number): boolean {
  for (let index = json[start] === MINUS ? start + 1 : start; index < end; index++) {
    if (!isDigit(json[index])) return false;
  }
  return true;
}
