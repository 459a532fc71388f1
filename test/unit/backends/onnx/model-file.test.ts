import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Session } from '#src/backends/backend';
import { onnxBackend } from '#src/backends/onnx/backend';
import { Tensor } from '#src/tensor/tensor';
import {
  addOne,
  attribute,
  encodeModel,
  externalWeight,
  type GraphSpec,
  node,
  value,
  weight,
  writeModel,
} from '../../../support/onnx-builder.js';

let root: string;
/** A fresh folder for each test. */
let folder: string;
let path: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'infernode-onnx-'));
});

beforeEach(async () => {
  folder = await mkdtemp(join(root, 'case-'));
  path = join(folder, 'model.onnx');
});

after(() => rm(root, { recursive: true }));

const load = (file = path): Promise<Session> => onnxBackend.load(file, 'onnx', { device: 'cpu', threads: 1 });

describe('info', () => {
  test('inputs, outputs, operators, weights and metadata', async () => {
    const branch = (name: string): GraphSpec => ({
      name,
      node: [node('Mul', ['x', `${name}_factor`], [`${name}_y`])],
      input: [],
      output: [value(`${name}_y`, 'float32', ['batch', null])],
      initializer: [weight(`${name}_factor`, 'float32', [2], new Float32Array(2))],
    });
    await writeModel(
      path,
      {
        name: 'choice',
        node: [
          node('If', ['which'], ['z'], {
            attribute: [attribute.graph('then_branch', branch('then')), attribute.graph('else_branch', branch('else'))],
          }),
          node('Mul', ['z', 'scale'], ['y']),
          node('FusedMatMul', ['y', 'matrix'], ['w'], { domain: 'com.microsoft' }),
        ],
        input: [value('which', 'bool', []), value('x', 'float32', ['batch', 2]), value('scale', 'float32', [1])],
        output: [value('y', 'float32', null), value('w', 'float32', null)],
        initializer: [
          weight('scale', 'float32', [1], Float32Array.of(2)),
          weight('matrix', 'float32', [2, 3], new Float32Array(6)),
          weight('unused', 'int64', [2], new BigInt64Array(2)),
        ],
      },
      {
        producerName: 'builder',
        producerVersion: '1.2',
        opsetImport: [
          { domain: '', version: 17 },
          { domain: 'com.microsoft', version: 1 },
        ],
        metadataProps: [{ key: 'author', value: 'somebody' }],
      },
    );
    const session = await load();
    const { methods, ops, parameters, metadata, ...rest } = session.info;
    assert.deepEqual(rest, {
      format: 'onnx',
      backend: 'onnx',
      device: 'cpu',
      threads: 1,
      instances: 1,
      stateful: false,
      signatureSource: 'declared',
    });
    const tensor = { kind: 'tensor', optional: false };
    assert.deepEqual(methods.forward!.inputs, [
      { ...tensor, name: 'which', dtype: 'bool', shape: [], type: 'tensor(bool)' },
      { ...tensor, name: 'x', dtype: 'float32', shape: ['batch', 2], type: 'tensor(float)' },
    ]);
    assert.deepEqual(
      methods.forward!.outputs.map(({ name, dtype }) => [name, dtype]),
      [
        ['y', 'float32'],
        ['w', 'float32'],
      ],
    );
    assert.deepEqual(ops, { If: 1, Mul: 3, 'com.microsoft.FusedMatMul': 1 });
    assert.deepEqual(parameters, { count: 13, bytes: 60, dtypes: { float32: 11, int64: 2 } });
    assert.deepEqual(metadata, {
      author: 'somebody',
      ir_version: '8',
      opset: '17',
      'opset.com.microsoft': '1',
      producer: 'builder 1.2',
      graph: 'choice',
    });
    await session.close();
  });

  test('a shape that is not declared is null, a scalar has none', async () => {
    await writeModel(path, addOne(null));
    const session = await load();
    assert.equal(session.info.methods.forward!.inputs[0]!.shape, null);
    const { y } = await session.run('forward', [new Tensor('float32', new Float32Array(6), [3, 2])]);
    assert.deepEqual(y!.shape, [3, 2]);
    await session.close();
  });
});

describe('files that are no models', () => {
  for (const [what, bytes] of [
    ['empty', new Uint8Array(0)],
    ['text', Buffer.from('{"model": "no"}')],
    ['random', randomBytes(5000)],
    ['zeros', new Uint8Array(5000)],
    ['cut short', encodeModel(addOne()).subarray(0, 60)],
    ['without a graph', encodeModel(addOne()).subarray(0, 2)],
    ['an unknown operator', encodeModel({ ...addOne(), node: [node('NoSuchOperator', ['x'], ['y'])] })],
    ['a type error', encodeModel({ ...addOne(), input: [value('x', 'int64', [4])] })],
  ] as const) {
    test(what, async () => {
      await writeFile(path, bytes);
      await assert.rejects(load(), { code: 'INF_MODEL_INVALID', message: /model\.onnx/ });
    });
  }

  test('missing', () => assert.rejects(load(), { code: 'INF_MODEL_NOT_FOUND' }));

  test('a folder', async () => {
    await mkdir(path);
    await assert.rejects(load(), { code: 'INF_MODEL_INVALID' });
  });
});

describe('external data', () => {
  type Entries = [key: string, value: string][];

  const withWeight = (entries: Entries): GraphSpec => ({
    ...addOne(),
    initializer: [externalWeight('one', [], entries)],
  });

  /** A weight of 1 after four bytes of something else. */
  const weights = new Uint8Array(Float32Array.of(-1, 1).buffer);

  async function assertRuns(file = path): Promise<void> {
    const session = await load(file);
    const { y } = await session.run('forward', [new Tensor('float32', new Float32Array(4))]);
    assert.deepEqual([...y!.data], [1, 1, 1, 1]);
    await session.close();
  }

  test('in the folder, below it, and by a hard link', async () => {
    await mkdir(join(folder, 'deep'));
    await writeFile(join(folder, 'weights.bin'), weights);
    await writeFile(join(folder, 'deep', 'weights.bin'), weights);
    await link(join(folder, 'weights.bin'), join(folder, 'linked.bin'));
    for (const location of ['weights.bin', './weights.bin', 'deep/weights.bin', 'linked.bin']) {
      await writeModel(
        path,
        withWeight([
          ['location', location],
          ['offset', '4'],
          ['length', '4'],
        ]),
      );
      await assertRuns();
    }
  });

  test('beside the file that a linked model leads to', async () => {
    const blobs = join(folder, 'blobs');
    const snapshot = join(folder, 'snapshot');
    await mkdir(blobs);
    await mkdir(snapshot);
    await writeModel(
      join(blobs, 'aaaa'),
      withWeight([
        ['location', 'weights.bin'],
        ['offset', '4'],
      ]),
    );
    await writeFile(join(blobs, 'bbbb'), weights);
    await symlink('../blobs/aaaa', join(snapshot, 'model.onnx'));
    await symlink('../blobs/bbbb', join(snapshot, 'weights.bin'));
    await assertRuns(join(snapshot, 'model.onnx'));
  });

  test('outside the folder is refused', async () => {
    await mkdir(join(folder, 'model'));
    await mkdir(join(folder, 'other', 'inner'), { recursive: true });
    const inside = join(folder, 'model', 'model.onnx');
    await writeFile(join(folder, 'secret.bin'), weights);
    await writeFile(join(folder, 'other', 'weights.bin'), weights);
    await writeFile(join(folder, 'model', 'weights.bin'), weights);
    await symlink(join(folder, 'secret.bin'), join(folder, 'model', 'link.bin'));
    await symlink(join(folder, 'other', 'inner'), join(folder, 'model', 'away'));
    for (const location of [
      '../secret.bin',
      'deep/../../secret.bin',
      join(folder, 'secret.bin'),
      '/dev/zero',
      'C:\\secret.bin',
      'link.bin',
      'away/../weights.bin',
      '.',
      'weights.bin\0.png',
      '*/_ORT_MEM_ADDR_/*',
    ]) {
      await writeModel(
        inside,
        withWeight([
          ['location', location],
          ['offset', '4'],
        ]),
      );
      await assert.rejects(load(inside), { code: 'INF_MODEL_UNSAFE', message: /"one"/ }, location);
    }
  });

  test('that is missing, cut short or badly described is refused', async () => {
    await writeFile(join(folder, 'weights.bin'), weights);
    for (const [entries, message] of [
      [[['location', 'gone.bin']], /"gone.bin", which names a file that does not exist/],
      [[['location', '']], /names no file/],
      [[['offset', '4']], /names no file/],
      [
        [
          ['location', 'weights.bin'],
          ['offset', '5'],
        ],
        /wants bytes 5 to 9 of a file of 8 bytes/,
      ],
      [
        [
          ['location', 'weights.bin'],
          ['length', '9'],
        ],
        /wants bytes 0 to 9/,
      ],
      [
        [
          ['location', 'weights.bin'],
          ['offset', '-4'],
        ],
        /offset "-4"/,
      ],
      [
        [
          ['location', 'weights.bin'],
          ['offset', '99999999999999999999'],
        ],
        /offset "9{20}"/,
      ],
    ] as [Entries, RegExp][]) {
      await writeModel(path, withWeight(entries));
      await assert.rejects(load(), { code: 'INF_MODEL_INVALID', message });
    }
    await writeModel(
      path,
      withWeight([
        ['location', 'weights.bin'],
        ['location', ''],
      ]),
    );
    await assert.rejects(load(), { code: 'INF_MODEL_UNSAFE', message: /location twice/ });
  });

  test('is found wherever a tensor can be', async () => {
    const outside = externalWeight('hidden', [1], [['location', '../secret.bin']]);
    const constant = node('Constant', [], ['c'], { attribute: [attribute.tensor('value', outside)] });
    const branch: GraphSpec = { node: [], input: [], output: [], initializer: [outside] };
    const base = addOne();
    for (const [graph, rest] of [
      [{ ...base, node: [constant, ...base.node] }],
      [{ ...base, node: [node('If', ['x'], ['z'], { attribute: [attribute.graph('then_branch', branch)] })] }],
      [{ ...base, sparseInitializer: [{ values: outside, indices: outside, dims: [1] }] }],
      [base, { functions: [{ name: 'f', domain: 'custom', node: [constant], output: ['c'] }] }],
    ] as [GraphSpec, object?][]) {
      await writeModel(path, graph, rest);
      await assert.rejects(load(), { code: 'INF_MODEL_UNSAFE', message: /"hidden"/ });
    }
  });
});
