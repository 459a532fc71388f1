import { InfernodeError } from '../../errors.js';

/** How deep the arrays and objects of a request may nest. */
export const MAX_JSON_DEPTH = 100;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Looks at JSON text before it is parsed. Text with few brackets cannot be deep, and they are counted natively: a large flat
 * array costs next to nothing.
 *
 * @throws InfernodeError INF_REQUEST_INVALID if it nests deeper than `limit`
 */
export function checkJsonDepth(json: Buffer, limit = MAX_JSON_DEPTH): void {
  const few = limit - countUpTo(json, OPEN_ARRAY, limit);
  if (few >= 0 && countUpTo(json, OPEN_OBJECT, few) <= few) return;
  if (depthBeyond(json, limit)) {
    throw new InfernodeError('INF_REQUEST_INVALID', `The JSON nests deeper than ${limit} levels`, {
      details: { expected: `at most ${limit} levels`, given: 'more' },
    });
  }
}

/** How often a byte occurs; stops at one more than `limit`. */
function countUpTo(bytes: Buffer, byte: number, limit: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at >= 0 && count <= limit; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

function depthBeyond(json: Buffer, limit: number): boolean {
  let depth = 0;
  let index = 0;
  while (index < json.length) {
    const byte = json[index++]!;
    if (byte === QUOTE) {
      index = endOfString(json, index);
    } else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      if (++depth > limit) return true;
    } else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) {
      depth--;
    }
  }
  return false;
}

/** The index after the quote that ends the string whose text begins at `start`; the length if none does. */
export function endOfString(json: Buffer, start: number): number {
  let index = start;
  while (index < json.length) {
    const byte = json[index++]!;
    if (byte === QUOTE) return index;
    if (byte === BACKSLASH) index++;
  }
  return json.length;
}
