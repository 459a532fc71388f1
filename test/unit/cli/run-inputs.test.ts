import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import sharp from 'sharp';
import type { InputValue, Signature, ValueInfo } from '#src/backends/backend';
import { readInputs } from '#src/cli/run-inputs';
import type { DType } from '#src/tensor/dtype';
import { writeNpy } from '#src/tensor/npy';
import { Tensor } from '#src/tensor/tensor';
import { rejects } from '../../support/expect-error.js';
import { makeFolder } from '../support/files.js';

function tensorInput(
  name: string,
  dtype: DType | null = 'float32',
  shape: ValueInfo['shape'] = null,
  optional = false,
): ValueInfo {
  return { name, kind: 'tensor', dtype, shape, optional, type: 'Tensor' };
}

function plain(name: string, kind: ValueInfo['kind'], items?: ValueInfo[]): ValueInfo {
  return { name, kind, dtype: null, shape: null, optional: false, type: kind, ...(items ? { items } : {}) };
}

async function read(inputs: ValueInfo[], ...args: string[]): Promise<Record<string, unknown>> {
  const signature: Signature = { inputs, outputs: [] };
  const given = await readInputs(args, signature, {}, null);
  return Object.fromEntries(given.map(({ name, values }) => [name, values.map(bare)]));
}

/** Tensors as dtype, shape and elements. */
function bare(value: InputValue): unknown {
  if (value instanceof Tensor) return [value.dtype, [...value.shape], value.toArray()];
  return Array.isArray(value) ? value.map(bare) : value;
}

test('JSON on the command line takes the dtype and kind of the input', async () => {
  assert.deepEqual(await read([tensorInput('x')], '[[1,2]]'), { x: [['float32', [1, 2], [[1, 2]]]] });
  assert.deepEqual(await read([tensorInput('sr', 'int64', [])], 'sr=16000'), { sr: [['int64', [], 16000n]] });
  assert.deepEqual(await read([tensorInput('n', 'int64', [1])], 'n=7'), { n: [['int64', [1], [7n]]] });
  assert.deepEqual(
    await read([tensorInput('n', 'int64', [2])], 'n=7'),
    { n: [['int64', [], 7n]] },
    'left to the check',
  );
  assert.deepEqual(await read([plain('sr', 'int'), plain('on', 'bool')], 'sr=8000', 'on=true'), {
    sr: [8000],
    on: [true],
  });
  assert.deepEqual(await read([plain('big', 'int')], 'big=9223372036854775807'), { big: [2n ** 63n - 1n] });
});

test('strings need no quotes', async () => {
  assert.deepEqual(await read([plain('s', 'string')], 's=hello world'), { s: ['hello world'] });
  assert.deepEqual(await read([plain('s', 'string')], 's=123'), { s: ['123'] });
  assert.deepEqual(await read([plain('s', 'string')], 's="x"'), { s: ['x'] });
  assert.deepEqual(await read([tensorInput('s', 'string', [null])], 's=hello'), { s: [['string', [1], ['hello']]] });
});

test('tuples, lists and paths into them', async () => {
  const tuple = plain('hc', 'tuple', [tensorInput('hc.0'), tensorInput('hc.1')]);
  assert.deepEqual(await read([tuple], 'hc=[[1],[2]]'), {
    hc: [
      [
        ['float32', [1], [1]],
        ['float32', [1], [2]],
      ],
    ],
  });
  assert.deepEqual(await read([tuple], 'hc.0=[1]', 'hc.1=[2]'), {
    'hc.0': [['float32', [1], [1]]],
    'hc.1': [['float32', [1], [2]]],
  });
  assert.deepEqual(await read([plain('l', 'list', [plain('', 'int')])], 'l=[1,2]'), { l: [[1, 2]] });
  await rejects(read([tuple], 'hc.2=[1]'), 'INF_INPUT_UNKNOWN', /"hc\.2"/);
});

test('files are told by their names, and belong to the only required input', async (t) => {
  const folder = await makeFolder(t, {
    'a.npy': writeNpy(new Tensor('int8', Int8Array.of(1, 2))),
    'a=b.json': '[3]',
    'bad.npy': 'x',
    'data.bin': 'x',
    'none/readme.txt': 'x',
  });
  const inputs = [tensorInput('x', 'int8'), tensorInput('mask', 'int8', null, true)];
  assert.deepEqual(await read(inputs, join(folder, 'a.npy')), { x: [['int8', [2], [1, 2]]] });
  assert.deepEqual(await read(inputs, join(folder, 'a=b.json')), { x: [['int8', [1], [3]]] });
  await rejects(read(inputs, join(folder, 'bad.npy')), 'INF_FILE_INVALID', /bad\.npy: The \.npy file/);
  await rejects(read(inputs, join(folder, 'data.bin')), 'INF_FILE_INVALID', /none of \.npy, \.json/);
  await rejects(read(inputs, join(folder, 'c.npy')), 'INF_FILE_INVALID', /Input "x": there is no file .*c\.npy/);
  await rejects(read(inputs, join(folder, 'none')), 'INF_FILE_INVALID', /has no pictures/);
});

test('pictures go to the input that can take them', async (t) => {
  const picture = await sharp({ create: { width: 2, height: 1, channels: 3, background: '#ff0000' } })
    .png()
    .toBuffer();
  const folder = await makeFolder(t, { 'p.png': picture });
  const file = join(folder, 'p.png');
  const image = tensorInput('image', 'float32', [null, 3, 1, 2]);
  const size = tensorInput('size', 'float32', [2]);
  const red = [[[[1, 1]], [[0, 0]], [[0, 0]]]];
  assert.deepEqual(await read([size, image], file, 'size=[1,2]'), {
    image: [['float32', [1, 3, 1, 2], red]],
    size: [['float32', [2], [1, 2]]],
  });
  const last = tensorInput('image', 'uint8', [1, 1, 2, 3]);
  await rejects(read([last], file), 'INF_OPTION_INVALID', /uint8.*scale 1/);
  const gray = await read([tensorInput('g', 'float32', [null, null, null, 1])], file);
  assert.deepEqual(
    (gray.g as [string, number[]][])[0]![1],
    [1, 1, 2, 1],
    'one channel at the end, as the shape has it',
  );
  const large = tensorInput('image', 'float32', [null, 3, 224, 224]);
  await rejects(read([large], file), 'INF_INPUT_SHAPE', /p\.png makes \[1, 3, 1, 2\]: set --resize/);
  await rejects(read([plain('image', 'int')], file), 'INF_INPUT_TYPE', /a picture cannot be/);
});

test('what is missing, unknown or unclear is said', async () => {
  const two = [tensorInput('a'), tensorInput('b')];
  await rejects(read(two, '[1]'), 'INF_OPTION_INVALID', /which input.*a \(float32 \[\.\.\.\]\), b/);
  await rejects(read(two, 'a=[1]'), 'INF_INPUT_MISSING', /Input b is missing/);
  await rejects(read([tensorInput('input')], 'inptu=[1]'), 'INF_INPUT_UNKNOWN', /did you mean "input"/);
  await rejects(read([tensorInput('x')], 'x=[1,[2]]'), 'INF_TENSOR_DATA', /Input "x": .*ragged/);
  assert.deepEqual(await read([]), {});
});
