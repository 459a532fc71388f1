import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { DTYPES, type DType, type TensorData } from '#src/tensor/dtype';
import { readNpy, writeNpy } from '#src/tensor/npy';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

/** A file as NumPy lays it out; `version` decides how the length of the header is written. */
function npy(header: string, body: Uint8Array | number[], version = 1): Buffer {
  const text = Buffer.from(`${header}\n`);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  return Buffer.concat([
    Buffer.from('934e554d5059', 'hex'),
    Buffer.from([version, 0]),
    length,
    text,
    Buffer.from(body),
  ]);
}

const header = (descr: string, shape: string, fortran = 'False') =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

const SAMPLES: Record<Exclude<DType, 'string'>, (number | bigint)[]> = {
  float32: [1.5, Number.NaN, Number.NEGATIVE_INFINITY, -0, 1e-45, 3],
  float64: [Math.PI, Number.NaN, Number.POSITIVE_INFINITY, -0, 5e-324, 3],
  float16: [0x3c00, 0x7e00, 0xfc00, 0x8000, 1, 2],
  bfloat16: [0x3f80, 0x7fc0, 0xff80, 0x8000, 1, 2],
  int8: [-128, 127, 0, 1, 2, 3],
  int16: [-32768, 32767, 0, 1, 2, 3],
  int32: [-(2 ** 31), 2 ** 31 - 1, 0, 1, 2, 3],
  int64: [-(2n ** 63n), 2n ** 63n - 1n, 0n, 1n, 2n, 3n],
  uint8: [255, 0, 1, 2, 3, 4],
  uint16: [65535, 0, 1, 2, 3, 4],
  uint32: [2 ** 32 - 1, 0, 1, 2, 3, 4],
  uint64: [2n ** 64n - 1n, 0n, 1n, 2n, 3n, 4n],
  bool: [1, 0, 0, 1, 1, 0],
};

for (const [name, values] of Object.entries(SAMPLES)) {
  const dtype = name as keyof typeof SAMPLES;
  const data: TensorData = new DTYPES[dtype].array(values as never);
  test(`${dtype} comes back bit for bit`, () => {
    for (const shape of [[6], [2, 3], [1, 6, 1]]) {
      const read = readNpy(writeNpy(new Tensor<DType>(dtype, data, shape)));
      assert.deepEqual([read.dtype, read.shape, read.data], [dtype, shape, data]);
    }
  });
  test(`${dtype} is read in both byte orders`, () => {
    const { bytes } = DTYPES[dtype];
    const little = writeNpy(new Tensor<DType>(dtype, data, [6])).subarray(-6 * bytes);
    const big = Buffer.from(little);
    for (let start = 0; start < big.length; start += bytes) big.subarray(start, start + bytes).reverse();
    const kind = { f: 'f', b: 'V', i: 'i', u: 'u' }[dtype[0] as string];
    const descr = dtype === 'bool' ? 'b1' : `${kind}${bytes}`;
    assert.deepEqual(readNpy(npy(header(`<${descr}`, '(6,)'), little)).data, data);
    assert.deepEqual(readNpy(npy(header(`>${descr}`, '(6,)'), big)).data, data);
  });
}

test('scalars, no elements, and views into larger buffers', () => {
  const scalar = readNpy(writeNpy(new Tensor('int64', BigInt64Array.of(7n), [])));
  assert.deepEqual([scalar.shape, scalar.item()], [[], 7n]);
  assert.deepEqual(readNpy(writeNpy(new Tensor('float32', new Float32Array(0), [0, 5]))).shape, [0, 5]);
  const view = new Tensor('int16', Int16Array.of(9, 1, 2, 9).subarray(1, 3), [2]);
  assert.deepEqual(readNpy(writeNpy(view)).data, Int16Array.of(1, 2));
});

test('the elements are copied', () => {
  const file = writeNpy(new Tensor('uint8', Uint8Array.of(1, 2)));
  const { data } = readNpy(file);
  file.fill(0);
  assert.deepEqual(data, Uint8Array.of(1, 2));
});

test('the header is as NumPy writes it', () => {
  const file = writeNpy(new Tensor('float32', new Float32Array(3)));
  assert.equal(file.length % 64, 12);
  assert.match(file.toString('latin1', 10, 128), /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(3,\), \} *\n$/);
});

test('versions 2.0 and 3.0, any order of keys, Python 2 integers', () => {
  for (const version of [1, 2, 3]) {
    assert.deepEqual(readNpy(npy(header('|u1', '(2,)'), [1, 2], version)).data, Uint8Array.of(1, 2));
  }
  const odd = `{"shape": (1L, 2L), "fortran_order": False, "descr": "|u1"}`;
  assert.deepEqual(readNpy(npy(odd, [1, 2])).shape, [1, 2]);
});

test('Fortran order is turned into C order', () => {
  const matrix = readNpy(npy(header('|u1', '(2, 3)', 'True'), [1, 4, 2, 5, 3, 6]));
  assert.deepEqual(matrix.data, Uint8Array.of(1, 2, 3, 4, 5, 6));
  // 24 elements whose value is their place in C order, stored by the first index.
  const body: number[] = [];
  for (let k = 0; k < 4; k++) for (let j = 0; j < 3; j++) for (let i = 0; i < 2; i++) body.push(i * 12 + j * 4 + k);
  assert.deepEqual(
    [...(readNpy(npy(header('|u1', '(2, 3, 4)', 'True'), body)).data as Uint8Array)],
    [...Array(24).keys()],
  );
});

test('text and bytes are strings', () => {
  const strings = ['', 'naïve', '日本', '😀!', 'x'];
  const tensor = readNpy(writeNpy(new Tensor('string', strings, [5, 1])));
  assert.deepEqual([tensor.dtype, tensor.shape, tensor.data], ['string', [5, 1], strings]);
  assert.deepEqual(readNpy(npy(header('|S3', '(2,)'), Buffer.from('ab\0é\0'))).data, ['ab', 'é']);
  assert.deepEqual(readNpy(npy(header('>U1', '(1,)'), [0, 0, 0, 0x41])).data, ['A']);
  throws(() => writeNpy(new Tensor('string', ['a\0'])), 'INF_TENSOR_DATA', /ends in NUL/);
});

test('a bool is 0 or 1 whatever the byte', () => {
  assert.deepEqual(readNpy(npy(header('|b1', '(3,)'), [0, 1, 255])).data, Uint8Array.of(0, 1, 1));
});

const good = writeNpy(new Tensor('float32', new Float32Array(4), [2, 2]));
const BAD: [name: string, file: Buffer, message: RegExp][] = [
  ['empty', Buffer.alloc(0), /empty/],
  ['something else', Buffer.from('PK\x03\x04'), /no \.npy file/],
  ['a bare magic', good.subarray(0, 7), /cut short within its header/],
  ['half a header', good.subarray(0, 60), /cut short within its header/],
  ['half the elements', good.subarray(0, -8), /needs 16 bytes, 8 are there/],
  ['too many elements', Buffer.concat([good, Buffer.alloc(3)]), /3 bytes after its 16 bytes/],
  ['version 4', npy(header('<f4', '()'), [0, 0, 0, 0], 4), /version 4\.0/],
  [
    'a huge header',
    Buffer.concat([Buffer.from('934e554d50590200ffffffff', 'hex'), Buffer.alloc(99)]),
    /header of 4294967295 bytes/,
  ],
  ['objects', npy(header('|O', '(1,)'), [0x80]), /pickle/],
  ['records', npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", []), /structured dtype/],
  ['complex numbers', npy(header('<c8', '(1,)'), new Array(8).fill(0)), /'<c8', which tensors do not have/],
  ['times', npy(header('<M8[ns]', '(1,)'), new Array(8).fill(0)), /'<M8\[ns\]'/],
  ['no dict', npy('hello', []), /no dict/],
  ['code', npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}", []), /cannot be read/],
  ['no shape', npy("{'descr': '<f4', 'fortran_order': False}", []), /without descr, fortran_order or shape/],
  ['a negative shape', npy(header('<f4', '(-1,)'), []), /cannot be read|no shape/],
  ['a huge shape', npy(header('<f4', '(99999999999, 99999999999)'), []), /beyond 2\^53/],
  ['a shape of many digits', npy(header('<f4', `(${'9'.repeat(30)},)`), []), /no shape/],
  ['a large shape of little data', npy(header('<f4', '(9999999999,)'), []), /cut short/],
  ['no bytes times many', npy(header('<U0', '(9999999999999,)'), []), /elements of no bytes/],
  ['too many dimensions', npy(header('|u1', `(${'1,'.repeat(65)})`), [0]), /65 dimensions/],
  ['bytes that are no text', npy(header('|S1', '(1,)'), [0xff]), /not UTF-8/],
  ['characters beyond Unicode', npy(header('<U1', '(1,)'), [0, 0, 0x11, 0]), /beyond Unicode/],
];

for (const [name, file, message] of BAD) {
  test(`refused: ${name}`, () => void throws(() => readNpy(file), 'INF_FILE_INVALID', message));
}

test('files that NumPy wrote are read, and written again byte for byte', async () => {
  const cases = JSON.parse(await readFile('test/reference/cases.json', 'utf8'));
  const outputs = cases.cases.flatMap((item: { outputs: object[][] }) => item.outputs.flat()).slice(0, 20);
  for (const { file, dtype } of outputs as { file: string; dtype: DType }[]) {
    const bytes = await readFile(`test/reference/${file}`);
    const tensor = readNpy(bytes);
    assert.equal(tensor.dtype, dtype, file);
    assert.ok(writeNpy(tensor).equals(bytes), file);
  }
});

test('what is no file, and what is no tensor', () => {
  throws(() => readNpy('file.npy' as never), 'INF_FILE_INVALID', /the bytes of a \.npy file/);
  throws(() => writeNpy(5 as never), 'INF_TENSOR_DTYPE', /dtype/);
});
