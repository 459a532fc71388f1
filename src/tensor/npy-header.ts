import { InfernodeError } from '../errors.js';

/** What a .npy file says of its array. */
export interface NpyHeader {
  /** NumPy's type string: byte order, kind and size (`<f4`, `|b1`, `<U12`). */
  readonly descr: string;
  /** The first index varies fastest. */
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  /** Where the elements begin. */
  readonly offset: number;
}

const MAGIC = '\x93NUMPY';
/** NumPy itself refuses longer ones; an array without fields needs some hundred bytes. */
const MAX_HEADER = 10_000;
/** As in NumPy. */
const MAX_DIMENSIONS = 64;
const ALIGNMENT = 64;

/** The error of a .npy file that cannot be read. */
export function npyError(what: string): InfernodeError {
  return new InfernodeError('INF_FILE_INVALID', `The .npy file ${what}`);
}

/** Reads the header of version 1.0, 2.0 or 3.0. */
export function readHeader(bytes: Buffer): NpyHeader {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw npyError(bytes.length === 0 ? 'is empty' : 'does not begin with \\x93NUMPY; it is no .npy file');
  }
  const version = bytes[6];
  if (version !== undefined && (version < 1 || version > 3)) {
    throw npyError(`has version ${version}.${bytes[7] ?? '?'}; 1.0, 2.0 and 3.0 are known`);
  }
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw npyError('is cut short within its header');
  const length = version === 1 ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8);
  if (length > MAX_HEADER) throw npyError(`claims a header of ${length} bytes; at most ${MAX_HEADER} are read`);
  const offset = start + length;
  if (offset > bytes.length) throw npyError('is cut short within its header');
  return { ...parseDict(bytes.toString(version === 3 ? 'utf8' : 'latin1', start, offset)), offset };
}

/** A header of version 1.0, padded so that the elements begin at a multiple of 64 bytes. */
export function writeHeader(descr: string, shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const total = Math.ceil((10 + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = Buffer.alloc(total, ' ');
  header.write(`${MAGIC}\x01\x00`, 'latin1');
  header.writeUInt16LE(total - 10, 8);
  header.write(dict, 10, 'latin1');
  header[total - 1] = 0x0a;
  return header;
}

const ENTRY = /\s*(['"])(\w+)\1\s*:\s*(?:(['"])([^'"]*)\3|(True|False)|\(([\d\s,L]*)\)|(\[)[\s\S]*)\s*(?:,|$)/y;

/** Reads the Python dict of the header: text, a boolean and a tuple of integers, in any order. */
function parseDict(text: string): Omit<NpyHeader, 'offset'> {
  const inner = /^\s*\{([^{}]*)\}\s*$/.exec(text)?.[1]?.trimEnd();
  if (inner === undefined) throw npyError('has no dict in its header');
  const entries = new Map<string, RegExpExecArray>();
  ENTRY.lastIndex = 0;
  while (ENTRY.lastIndex < inner.length) {
    const entry = ENTRY.exec(inner);
    if (entry === null) throw npyError('has a header that cannot be read');
    if (entry[7] !== undefined) throw npyError('holds records (a structured dtype), not a tensor');
    entries.set(entry[2]!, entry);
  }
  const descr = entries.get('descr')?.[4];
  const order = entries.get('fortran_order')?.[5];
  const tuple = entries.get('shape')?.[6];
  if (descr === undefined || order === undefined || tuple === undefined) {
    throw npyError('has a header without descr, fortran_order or shape');
  }
  return { descr, fortranOrder: order === 'True', shape: parseShape(tuple) };
}

/** `2, 3`, with the `L` that Python 2 put after large integers. */
function parseShape(tuple: string): number[] {
  const parts = tuple.split(',').map((part) => part.trim());
  if (parts.at(-1) === '') parts.pop();
  if (parts.length > MAX_DIMENSIONS)
    throw npyError(`has ${parts.length} dimensions; at most ${MAX_DIMENSIONS} are read`);
  return parts.map((part) => {
    if (!/^\d{1,15}L?$/.test(part)) throw npyError(`has the shape (${tuple.slice(0, 80)}), which is no shape`);
    return Number.parseInt(part, 10);
  });
}
