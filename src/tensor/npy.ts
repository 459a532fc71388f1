import { endianness } from 'node:os';
import { InfernodeError } from '../errors.js';
import { DTYPES, type DType, type TensorData } from './dtype.js';
import { npyError, readHeader, writeHeader } from './npy-header.js';
import { checkTensor, elementCount, Tensor } from './tensor.js';

/** NumPy's kind and size of each dtype. bfloat16 has none: raw bytes, as the ml_dtypes package of NumPy writes it. */
const KINDS: Readonly<Record<Exclude<DType, 'string'>, string>> = {
  float32: 'f4',
  float64: 'f8',
  float16: 'f2',
  bfloat16: 'V2',
  int8: 'i1',
  int16: 'i2',
  int32: 'i4',
  int64: 'i8',
  uint8: 'u1',
  uint16: 'u2',
  uint32: 'u4',
  uint64: 'u8',
  bool: 'b1',
};
const DTYPE_OF = new Map(Object.entries(KINDS).map(([dtype, kind]) => [kind, dtype as keyof typeof KINDS]));
const hostIsLittle = endianness() === 'LE';
/** Strings of no characters take no bytes, so nothing but this bounds their number. */
const MAX_EMPTY_STRINGS = 1_000_000;

/**
 * Reads a NumPy .npy file of version 1.0, 2.0 or 3.0 of either byte order; Fortran order is turned into C order. Text
 * (`<U`) and bytes (`|S`, read as UTF-8) give string tensors, raw pairs of bytes (`<V2`) bfloat16. The elements are copied.
 *
 * @throws InfernodeError INF_FILE_INVALID, naming what is wrong; object arrays, which are pickles, are refused
 */
export function readNpy(bytes: Uint8Array): Tensor {
  if (!(bytes instanceof Uint8Array)) {
    throw new InfernodeError('INF_FILE_INVALID', 'readNpy takes the bytes of a .npy file, as readFile gives them');
  }
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { descr, fortranOrder, shape, offset } = readHeader(buffer);
  const [, order, kind, size] = /^([<>|=]?)([a-zA-Z?])(\d{0,9})$/.exec(descr) ?? [];
  if (kind === undefined) throw npyError(`has the dtype '${descr.slice(0, 40)}', which cannot be read`);
  if (kind === 'O') throw npyError('holds Python objects (a pickle), which are never loaded');
  const itemBytes = kind === '?' ? 1 : Number(size) * (kind === 'U' ? 4 : 1);
  const count = checkedCount(shape, itemBytes, buffer.length - offset);
  const body = Buffer.from(new Uint8Array(buffer.subarray(offset)).buffer);
  const little = order === '=' ? hostIsLittle : order !== '>';
  const [dtype, data] =
    kind === 'U' || kind === 'S' || kind === 'a'
      ? (['string', readStrings(body, count, itemBytes, kind === 'U', little)] as const)
      : readNumbers(body, `${kind}${size}`, descr, little);
  return new Tensor<DType>(dtype, fortranOrder ? toRowMajor(data, shape) : data, shape);
}

/**
 * Writes a .npy file of version 1.0, little-endian, C order. Strings become `<U`, as wide as the longest. bfloat16 becomes
 * `<V2`, which NumPy reads as raw bytes: `np.load(file).view(ml_dtypes.bfloat16)`.
 *
 * @throws InfernodeError INF_TENSOR_DATA for a string that ends in NUL, which NumPy cannot tell from padding
 */
export function writeNpy(tensor: Tensor): Buffer {
  checkTensor(tensor?.dtype, tensor?.data, tensor?.shape);
  const { dtype, data, shape } = tensor as { dtype: DType; data: TensorData; shape: readonly number[] };
  if (Array.isArray(data)) return writeStrings(data, shape);
  if (dtype === 'string') throw new InfernodeError('INF_INTERNAL', 'A string tensor without an array of strings');
  const { bytes } = DTYPES[dtype];
  const body = Buffer.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (!hostIsLittle) swap(body, bytes);
  return Buffer.concat([writeHeader(`${bytes === 1 ? '|' : '<'}${KINDS[dtype]}`, shape), body]);
}

/** The number of elements, if that many fill the file exactly. */
function checkedCount(shape: readonly number[], itemBytes: number, available: number): number {
  let count: number;
  try {
    count = elementCount(shape);
  } catch (cause) {
    throw new InfernodeError(
      'INF_FILE_INVALID',
      `The .npy file has the shape (${shape.join(', ')}), beyond 2^53 elements`,
      { cause },
    );
  }
  if (itemBytes === 0 && count > MAX_EMPTY_STRINGS) throw npyError(`claims ${count} elements of no bytes`);
  const needed = count * itemBytes;
  if (needed > available) throw npyError(`is cut short: its shape needs ${needed} bytes, ${available} are there`);
  if (needed < available) throw npyError(`has ${available - needed} bytes after its ${needed} bytes of elements`);
  return count;
}

function readNumbers(body: Buffer, kind: string, descr: string, little: boolean): [DType, TensorData] {
  const dtype = kind === '?' ? 'bool' : DTYPE_OF.get(kind);
  if (dtype === undefined) {
    throw npyError(`has the dtype '${descr}', which tensors do not have; they are ${Object.keys(DTYPES).join(', ')}`);
  }
  const { bytes, array } = DTYPES[dtype];
  if (little !== hostIsLittle) swap(body, bytes);
  const data = new array(body.buffer as ArrayBuffer, 0, body.length / bytes);
  // NumPy writes 0 and 1 only; others could mean different things to different kernels.
  if (dtype === 'bool') for (let index = 0; index < data.length; index++) data[index] = data[index] ? 1 : 0;
  return [dtype, data];
}

function swap(body: Buffer, bytes: number): void {
  if (bytes === 2) body.swap16();
  else if (bytes === 4) body.swap32();
  else if (bytes === 8) body.swap64();
}

function readStrings(body: Buffer, count: number, itemBytes: number, unicode: boolean, little: boolean): string[] {
  const decode = unicode ? (item: Buffer) => decodeUtf32(item, little) : decodeUtf8;
  return Array.from({ length: count }, (_, index) => decode(body.subarray(index * itemBytes, (index + 1) * itemBytes)));
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(item: Buffer): string {
  let end = item.length;
  while (end > 0 && item[end - 1] === 0) end--;
  try {
    return utf8.decode(item.subarray(0, end));
  } catch {
    throw npyError('holds bytes that are not UTF-8 text');
  }
}

function decodeUtf32(item: Buffer, little: boolean): string {
  const points: number[] = [];
  for (let offset = 0; offset < item.length; offset += 4) {
    const point = little ? item.readUInt32LE(offset) : item.readUInt32BE(offset);
    if (point > 0x10ffff) throw npyError('holds text with characters beyond Unicode');
    points.push(point);
  }
  while (points.at(-1) === 0) points.pop();
  return points.map((point) => String.fromCodePoint(point)).join('');
}

function writeStrings(strings: readonly string[], shape: readonly number[]): Buffer {
  const items = strings.map((text) => Array.from(text, (character) => character.codePointAt(0)!));
  const bad = items.findIndex((points) => points.at(-1) === 0);
  if (bad >= 0) {
    throw new InfernodeError('INF_TENSOR_DATA', `Element ${bad} ends in NUL, which a .npy file cannot hold`);
  }
  const width = items.reduce((widest, points) => Math.max(widest, points.length), 1);
  const body = Buffer.alloc(strings.length * width * 4);
  items.forEach((points, item) => {
    points.forEach((point, index) => {
      body.writeUInt32LE(point, (item * width + index) * 4);
    });
  });
  return Buffer.concat([writeHeader(`<U${width}`, shape), body]);
}

/** From the first index varying fastest to the last. */
function toRowMajor(data: TensorData, shape: readonly number[]): TensorData {
  if (shape.length < 2 || data.length === 0) return data;
  const strides: number[] = [];
  for (let axis = 0, stride = 1; axis < shape.length; stride *= shape[axis]!, axis++) strides.push(stride);
  const result = data.slice() as TensorData;
  const index = new Array<number>(shape.length).fill(0);
  for (let target = 0, source = 0; target < data.length; target++) {
    result[target] = data[source]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      source += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      source -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return result;
}
