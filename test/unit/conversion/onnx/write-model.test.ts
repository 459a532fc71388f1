import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { load } from 'infernode';
import { encodeOnnx } from '#src/conversion/onnx/onnx-proto';
import { readModel } from '#src/conversion/onnx/read-model';
import { writeModel } from '#src/conversion/onnx/write-model';
import { rejects } from '../../../support/expect-error.js';
import { encodeModel, externalWeight, node, value, weight } from '../../../support/onnx-builder.js';
import { repository } from '../../../support/test-data.js';
import { makeFolder } from '../../support/files.js';
import { convNet, decode, noise, noiseTensor } from './models.js';

const large = () =>
  decode({ ...convNet(), initializer: [...convNet().initializer!, weight('big', 'float32', [1000], noise(1000))] });

describe('writeModel', () => {
  test('writes what readModel reads', async (t) => {
    const path = join(await makeFolder(t, {}), 'model.onnx');
    const bytes = await writeModel(path, decode(convNet()));
    assert.equal((await readFile(path)).length, bytes);
    assert.deepEqual(encodeOnnx(await readModel(path)), encodeOnnx(decode(convNet())));
  });

  test('puts the weights of a large model into a file beside it', async (t) => {
    const folder = await makeFolder(t, {});
    const path = join(folder, 'model.onnx');
    const model = large();
    const before = encodeOnnx(model);
    await writeModel(path, model, 0);
    assert.deepEqual((await readdir(folder)).sort(), ['model.onnx', 'model.onnx.data']);
    assert.ok((await readFile(path)).length < before.length - 3800);
    assert.deepEqual(Buffer.from(encodeOnnx(model)), Buffer.from(before), 'the model was changed');
    const read = await readModel(path);
    const raw = read.graph.initializer.find(({ name }) => name === 'big')!.rawData!;
    assert.deepEqual(Buffer.from(raw), Buffer.from(noise(1000).buffer));
    await using loaded = await load(path, { threads: 1 });
    await loaded.run([noiseTensor([1, 2, 6, 6])]);
  });

  test('leaves nothing behind where the target cannot be replaced', async (t) => {
    const folder = await makeFolder(t, {});
    const path = join(folder, 'model.onnx');
    await mkdir(join(path, 'inside'), { recursive: true });
    for (const mostInline of [undefined, 0]) {
      const error = await rejects(writeModel(path, large(), mostInline), 'INF_CONVERSION_FAILED', path);
      assert.match(String(error.details.given), /^E/);
      assert.deepEqual(await readdir(join(path)), ['inside']);
      const others = (await readdir(folder)).filter((name) => name.endsWith('.tmp'));
      assert.deepEqual(others, []);
    }
  });

  test('leaves nothing behind where the disk takes no more', async (t) => {
    const folder = await makeFolder(t, { 'model.onnx': 'as it was', 'source.onnx': encodeOnnx(large()) });
    const dist = (name: string) => JSON.stringify(join(repository, 'dist/conversion/onnx', name));
    const script = `
      const { readModel } = await import(${dist('read-model.js')});
      const { writeModel } = await import(${dist('write-model.js')});
      const model = await readModel('source.onnx');
      for (const mostInline of [undefined, 0]) {
        try {
          await writeModel('model.onnx', model, mostInline);
        } catch (error) {
          console.log(error.code, error.details.given);
        }
      }`;
    // A limit on the size of files fails as a full disk does, in the middle of a write.
    const command = 'ulimit -f 2 && exec "$0" --input-type=module -e "$1"';
    const { stdout, stderr } = spawnSync('bash', ['-c', command, process.execPath, script], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(stdout, 'INF_CONVERSION_FAILED EFBIG\nINF_CONVERSION_FAILED EFBIG\n', stderr);
    assert.deepEqual((await readdir(folder)).sort(), ['model.onnx', 'source.onnx']);
    assert.equal(await readFile(join(folder, 'model.onnx'), 'utf8'), 'as it was');
  });

  test('says where a folder is missing', async (t) => {
    const folder = await makeFolder(t, {});
    await rejects(writeModel(join(folder, 'none/model.onnx'), large()), 'INF_CONVERSION_FAILED', 'ENOENT');
  });
});

describe('readModel', () => {
  test('reads the bytes that a tensor names, from the middle of a file', async (t) => {
    const data = Buffer.concat([Buffer.alloc(100), Buffer.from(Float32Array.of(1, 2, 3).buffer), Buffer.alloc(50)]);
    const entries: [string, string][] = [
      ['location', 'weights.bin'],
      ['offset', '100'],
      ['length', '12'],
    ];
    const graph = {
      node: [node('Add', ['x', 'w'], ['y'])],
      input: [value('x', 'float32', [3])],
      output: [value('y', 'float32', [3])],
    };
    const model = encodeModel({ ...graph, initializer: [externalWeight('w', [3], entries)] });
    const folder = await makeFolder(t, { 'model.onnx': model, 'weights.bin': data });
    const [tensor] = (await readModel(join(folder, 'model.onnx'))).graph.initializer;
    assert.deepEqual(Buffer.from(tensor!.rawData!), Buffer.from(Float32Array.of(1, 2, 3).buffer));
    assert.equal(tensor!.externalData.length, 0);
    await writeFile(
      join(folder, 'outside.onnx'),
      encodeModel({ ...graph, initializer: [externalWeight('w', [3], [['location', '../weights.bin']])] }),
    );
    await rejects(readModel(join(folder, 'outside.onnx')), 'INF_MODEL_UNSAFE', 'outside');
  });

  test('says what a file is not', async (t) => {
    const folder = await makeFolder(t, { 'empty.onnx': '', 'text.onnx': 'no model at all' });
    await rejects(readModel(join(folder, 'none.onnx')), 'INF_MODEL_NOT_FOUND');
    await rejects(readModel(join(folder, 'empty.onnx')), 'INF_MODEL_INVALID');
    await rejects(readModel(join(folder, 'text.onnx')), 'INF_MODEL_INVALID');
  });
});
