import { type DataOf, DTYPES, type DType, type TensorData } from '../../tensor/dtype.js';
import { elementCount, Tensor } from '../../tensor/tensor.js';
import { datatypeOf } from './datatypes.js';
import { invalidTensor } from './fields.js';

/**
 * A tensor from its little-endian, row-major bytes. Elements are not copied where the bytes lie aligned in memory; the
 * tensor then shares them.
 *
 * Each element of a BYTES tensor is its length, four bytes, and its bytes, which must be UTF-8.
 *
 * @throws InfernodeError INF_TENSOR_SHAPE, INF_REQUEST_INVALID where bytes and shape do not agree
 */
export function tensorFromBytes(dtype: DType, shape: readonly number[], bytes: Uint8Array, name: string): Tensor {
  const size = elementCount(shape);
  if (dtype === 'string') return new Tensor('string', stringsOf(bytes, size, name), shape);
  const row = DTYPES[dtype];
  const expected = size * row.bytes;
  if (bytes.byteLength !== expected) {
    throw invalidTensor(
      name,
      `${expected} bytes for ${datatypeOf(dtype)} of shape [${shape.join(', ')}]`,
      `${bytes.byteLength} bytes`,
    );
  }
  if (dtype === 'bool') checkBooleans(bytes, name);
  return new Tensor<DType>(dtype, viewOf(row.array, bytes, size), shape);
}

/** The bytes of a tensor as the protocol carries them; of its own memory, except for strings. */
export function tensorToBytes({ dtype, data }: Tensor): Buffer {
  if (dtype === 'string') return bytesOf(data as string[]);
  const { buffer, byteOffset, byteLength } = data as Exclude<TensorData, string[]>;
  return Buffer.from(buffer, byteOffset, byteLength);
}

type NumberArray = new (buffer: ArrayBufferLike, offset: number, length: number) => DataOf<DType>;

function viewOf(array: unknown, bytes: Uint8Array, size: number): DataOf<DType> {
  const { BYTES_PER_ELEMENT } = array as { BYTES_PER_ELEMENT: number };
  const aligned = bytes.byteOffset % BYTES_PER_ELEMENT === 0 ? bytes : new Uint8Array(bytes);
  return new (array as NumberArray)(aligned.buffer, aligned.byteOffset, size);
}

function checkBooleans(bytes: Uint8Array, name: string): void {
  for (const byte of bytes) if (byte > 1) throw invalidTensor(name, 'a byte of 0 or 1 for each BOOL', String(byte));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function stringsOf(bytes: Uint8Array, size: number, name: string): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const strings: string[] = [];
  let offset = 0;
  while (offset < bytes.byteLength) {
    if (strings.length === size) throw invalidTensor(name, `${size} BYTES elements`, 'more bytes than they need');
    const start = offset + 4;
    const end = start <= bytes.byteLength ? start + view.getUint32(offset, true) : Number.POSITIVE_INFINITY;
    if (end > bytes.byteLength)
      throw invalidTensor(name, `element ${strings.length} within the data`, 'a length past its end');
    strings.push(decodeUtf8(bytes.subarray(start, end), name, strings.length));
    offset = end;
  }
  if (strings.length !== size) throw invalidTensor(name, `${size} BYTES elements`, String(strings.length));
  return strings;
}

/** The text of one element of a BYTES tensor. @throws InfernodeError INF_REQUEST_INVALID */
export function decodeUtf8(bytes: Uint8Array, name: string, element: number): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw invalidTensor(name, 'BYTES elements in UTF-8', `other bytes in element ${element}`, cause);
  }
}

function bytesOf(strings: readonly string[]): Buffer {
  const lengths = strings.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0));
  let offset = 0;
  strings.forEach((text, index) => {
    offset = bytes.writeUInt32LE(lengths[index]!, offset);
    offset += bytes.write(text, offset);
  });
  return bytes;
}
