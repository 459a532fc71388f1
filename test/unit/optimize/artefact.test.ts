import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { load, Tensor } from 'infernode';
import type { Build } from '#src/conversion/build';
import { checkFree, replaceFolder, writeArtefact } from '#src/optimize/artefact';
import type { OptimizeReport } from '#src/optimize/optimize-report';
import { rejects } from '../../support/expect-error.js';
import { addOne, externalWeight, writeModel } from '../../support/onnx-builder.js';
import { fixture, needsTorch } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

const report = { model: 'model.pt', chosen: 'torch bf16, 1 thread' } as OptimizeReport;
const torch: Build = {
  name: 'torch bf16',
  backend: 'torch',
  source: fixture('quantize-linear.pt'),
  format: 'torchscript',
  precision: 'bf16',
};
const json = async (...path: string[]) => JSON.parse(await readFile(join(...path), 'utf8'));

describe('a tuned model', () => {
  test('is a model folder that loads as it was tuned', { skip: needsTorch }, async (t) => {
    const output = join(await makeFolder(t, {}), 'new/tuned');
    await writeArtefact(output, { build: torch, file: torch.source, fileBytes: 1 }, 1, null, report);
    assert.deepEqual((await readdir(output)).sort(), ['1', 'model.json', 'report.json']);
    assert.deepEqual(await json(output, 'model.json'), { backend: 'torch', threads: 1, precision: 'bf16' });
    assert.deepEqual(await json(output, 'report.json'), report);
    await using model = await load(output);
    assert.equal(model.info.metadata['computes in'], 'bfloat16');
    assert.equal(model.info.threads, 1);
  });

  test('keeps the settings of the model, but for how that was loaded', { skip: needsTorch }, async (t) => {
    const output = join(await makeFolder(t, {}), 'tuned');
    const build: Build = { ...torch, precision: 'int8', layout: { channelsLast: true } };
    const config = { precision: 'bf16', layout: { fuse: false }, processing: { labels: ['a', 'b'] } } as const;
    await writeArtefact(output, { build, file: torch.source, fileBytes: 1 }, 2, config, report);
    assert.deepEqual(await json(output, 'model.json'), {
      backend: 'torch',
      threads: 2,
      layout: { channelsLast: true },
      processing: { labels: ['a', 'b'] },
    });
    await using model = await load(output);
    assert.equal(model.info.metadata['computes in'], undefined);
    assert.deepEqual(model.config?.processing?.labels, ['a', 'b']);
  });

  test('of an ONNX file has the data that lies beside it', async (t) => {
    const weights = Float32Array.of(1, 2, 3, 4);
    const source = await makeFolder(t, { 'weights.bin': new Uint8Array(weights.buffer) });
    const graph = { ...addOne(), initializer: [externalWeight('one', [4], [['location', 'weights.bin']])] };
    const file = await writeModel(join(source, 'some.onnx'), graph);
    const output = join(await makeFolder(t, {}), 'tuned');
    const build: Build = { name: 'onnx fp32', backend: 'onnx', source: file, format: 'onnx', precision: 'fp32' };
    await writeArtefact(output, { build, file, fileBytes: 1 }, 1, null, report);
    await using model = await load(output);
    const zeros = new Tensor('float32', new Float32Array(4));
    assert.deepEqual((await model.run([zeros])).y!.data, weights);
  });

  test('takes the place of an earlier one', async (t) => {
    const output = await makeFolder(t, { 'report.json': '{}', 'old/file': '' });
    await writeArtefact(output, { build: torch, file: torch.source, fileBytes: 1 }, 1, null, report);
    assert.deepEqual((await readdir(output)).sort(), ['1', 'model.json', 'report.json']);
  });

  test('is not half there if it cannot be written', async (t) => {
    const home = await makeFolder(t, { 'tuned/report.json': '{}' });
    const built = { build: torch, file: join(home, 'gone.pt'), fileBytes: 1 };
    const output = join(home, 'tuned');
    await rejects(writeArtefact(output, built, 1, null, report), 'INF_CONVERSION_FAILED', output, 'gone.pt');
    assert.deepEqual(await readdir(home), ['tuned']);
    assert.deepEqual(await readdir(output), ['report.json']);
  });

  test('cannot be written below a file', async (t) => {
    const output = join(await makeFolder(t, { file: '' }), 'file', 'tuned');
    const built = { build: torch, file: torch.source, fileBytes: 1 };
    await assert.rejects(writeArtefact(output, built, 1, null, report), { name: 'InfernodeError' });
  });
});

describe('a folder is free', () => {
  test('that is new, empty, or from an earlier run', async (t) => {
    const folder = await makeFolder(t, { 'tuned/report.json': '{}' });
    await mkdir(join(folder, 'empty'));
    for (const name of ['new', 'empty', 'tuned']) await checkFree(join(folder, name));
  });

  test('not one with anything else in it, nor a file', async (t) => {
    const folder = await makeFolder(t, { 'photos/a.png': '' });
    for (const path of [join(folder, 'photos'), join(folder, 'photos/a.png')]) {
      const { details } = await rejects(checkFree(path), 'INF_OPTION_INVALID', path, 'in the way');
      assert.equal(details.name, 'output');
    }
  });
});

test('a path through a file names the file', async (t) => {
  const folder = await makeFolder(t, { file: '' });
  await rejects(checkFree(join(folder, 'file/a/b')), 'INF_OPTION_INVALID', `${join(folder, 'file')} is a file`);
});

test('what fills a folder may fail by its own code, and nothing is left', async (t) => {
  const home = await makeFolder(t, {});
  const filling = replaceFolder(join(home, 'tuned'), async (folder) => {
    await writeFile(join(folder, 'part'), '');
    await checkFree(folder);
  });
  await rejects(filling, 'INF_OPTION_INVALID');
  assert.deepEqual(await readdir(home), []);
});
