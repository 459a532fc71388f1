import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { load } from '#src/engine/load';
import type { LoadOptions } from '#src/engine/load-options';
import { rejects } from '../../support/expect-error.js';
import { bundledModel } from '../../support/test-data.js';
import { fixture, needsTorch } from '../../support/torch.js';
import { AOTINDUCTOR, TORCHSCRIPT } from '../models/samples.js';
import { makeFolder } from '../support/files.js';
import { copyPackage } from '../support/package-copy.js';

/** With it the torch backend is unavailable, whatever is installed here. */
const libtorch = '/no/such/libtorch';
const onnxFile = await readFile(join(bundledModel, '1/model.onnx'));

describe('the choice of a backend', () => {
  test('torch comes first, where it works', { skip: needsTorch }, async () => {
    await using model = await load(bundledModel);
    assert.equal(model.choice.backend, 'torch');
    assert.match(model.choice.reason, /^torch \(libtorch [\d.]+ from .*\) runs torchscript$/);
    assert.deepEqual([model.path, model.file], [bundledModel, join(bundledModel, '1/model.pt')]);
    assert.deepEqual([model.info.backend, model.info.format], ['torch', 'torchscript']);
  });

  test('onnx takes its place where it does not, and says why', async () => {
    await using model = await load(bundledModel, { libtorch });
    assert.equal(model.choice.backend, 'onnx');
    assert.match(model.choice.reason, /^onnx \(onnxruntime-node [\d.]+\) runs onnx; torch is unavailable: \S/);
    assert.equal(model.file, join(bundledModel, '1/model.onnx'));
    assert.deepEqual([model.info.backend, model.info.format], ['onnx', 'onnx']);
  });

  test('onnx runs what torch does not', async () => {
    await using model = await load(fixture('tiny.onnx'));
    assert.equal(model.choice.backend, 'onnx');
    assert.match(model.choice.reason, /runs onnx; torch does not run onnx$/);
  });

  test('the one that was asked for', async () => {
    await using model = await load(bundledModel, { backend: 'onnx' });
    assert.match(model.choice.reason, /^onnx \(onnxruntime-node [\d.]+\) was asked for$/);
  });

  test('is not made up for: what was asked for or nothing', async () => {
    await rejects(
      load(bundledModel, { backend: 'torch', libtorch }),
      'INF_BACKEND_UNAVAILABLE',
      join(bundledModel, '1/model.pt'),
      'torch is unavailable',
    );
  });

  test('a model in a format that the backend asked for does not run', async () => {
    await rejects(load(fixture('tiny.pt'), { backend: 'onnx' }), 'INF_MODEL_FORMAT', 'torchscript', 'onnx');
    await rejects(
      load(fixture('tiny.onnx'), { backend: 'torch' }),
      'INF_MODEL_FORMAT',
      'onnx',
      'torchscript, aotinductor',
    );
  });

  test('without libtorch, a model that only torch runs is to be exported', async () => {
    await rejects(
      load(fixture('tiny.pt'), { libtorch }),
      'INF_BACKEND_UNAVAILABLE',
      'torch is unavailable',
      'onnx does not run torchscript',
      'torch.onnx.export',
    );
  });

  test('who has the model in ONNX is not told to export it', async (t) => {
    const { folder, modules, ask } = await copyPackage(t as TestContext, []);
    await rm(join(modules, 'onnxruntime-node'));
    const script = `
      const { load } = await import(process.argv[1]);
      const { code, message } = await load(process.argv[2]).catch((error) => error);
      console.log(JSON.stringify({ code, message }));`;
    const refused = (model: string) =>
      ask('--input-type=module', '-e', script, join(folder, 'dist/engine/load.js'), model);
    for (const model of [bundledModel, fixture('tiny.onnx')]) {
      const { code, message } = await refused(model);
      assert.equal(code, 'INF_BACKEND_UNAVAILABLE');
      assert.match(message!, /onnx is unavailable: onnxruntime-node is not installed/);
      assert.doesNotMatch(message!, /export/);
    }
    assert.match((await refused(fixture('tiny.pt'))).message!, /onnx does not run torchscript.*torch\.onnx\.export/);
  });

  test('every format of the folder is named where none can be run', async (t) => {
    const folder = await makeFolder(t, { '1/model.pt': TORCHSCRIPT, '1/model.pt2': AOTINDUCTOR });
    await rejects(load(folder, { libtorch }), 'INF_BACKEND_UNAVAILABLE', 'does not run torchscript, aotinductor');
  });

  test('a broken file is passed over where another one serves', async (t) => {
    const folder = await makeFolder(t, {
      '1/model.pt': 'version https://git-lfs.github.com/spec/v1',
      '1/model.onnx': onnxFile,
    });
    await using model = await load(folder);
    assert.equal(model.choice.backend, 'onnx');
  });
});

describe('what is loaded', () => {
  test('the newest version, with the settings of its folder', async (t) => {
    const settings = '{"processing": {"labels": ["a", "b"]}}';
    const folder = await makeFolder(t, { 'model.json': settings, '2/model.onnx': onnxFile, '10/model.onnx': onnxFile });
    await using model = await load(folder);
    assert.equal(model.file, join(folder, '10', 'model.onnx'));
    assert.deepEqual(model.config?.processing?.labels, ['a', 'b']);
    await using older = await load(join(folder, '2'));
    assert.equal(older.file, join(folder, '2', 'model.onnx'));
  });

  test('a file without settings', async () => {
    await using model = await load(fixture('tiny.onnx'), { threads: 1 });
    assert.equal(model.config, null);
    assert.equal(model.info.threads, 1);
  });

  test('what a file: URL names', async () => {
    await using model = await load(pathToFileURL(fixture('tiny.onnx')));
    assert.equal(model.file, fixture('tiny.onnx'));
  });

  test('nothing, where there is none', async () => {
    await rejects(load(join(bundledModel, '..', 'shape')), 'INF_MODEL_NOT_FOUND', 'did you mean "shapes"');
    for (const path of ['', undefined, null, 5, new URL('data:,x')]) {
      await rejects(load(path as string), 'INF_OPTION_INVALID', 'path');
    }
  });

  test('nothing on a device that is not there', async () => {
    await rejects(load(fixture('tiny.onnx'), { device: 'cuda' }), 'INF_DEVICE_UNAVAILABLE', 'cuda:0');
  });

  test('nothing on a device that torch does not see', { skip: needsTorch }, async () => {
    await rejects(load(fixture('tiny.pt'), { device: 'cuda:99' }), 'INF_DEVICE_UNAVAILABLE', 'cuda:99', 'cpu');
  });

  test('nothing with options that cannot be, before the path is looked at', async () => {
    const options = { backend: 'tensorflow' } as unknown as LoadOptions;
    await rejects(load('/no/such/model', options), 'INF_OPTION_INVALID', 'backend');
  });
});

describe('a load that is aborted', () => {
  test('before it begins', async () => {
    const reason = new Error('enough');
    const error = await rejects(load(bundledModel, { signal: AbortSignal.abort(reason) }), 'INF_ABORTED', bundledModel);
    assert.equal(error.cause, reason);
    assert.equal(error.name, 'AbortError');
  });

  test('on its way', async () => {
    const abort = new AbortController();
    const loading = load(bundledModel, { backend: 'onnx', signal: abort.signal });
    abort.abort();
    await rejects(loading, 'INF_ABORTED');
  });

  test('too late', async () => {
    const abort = new AbortController();
    await using model = await load(fixture('tiny.onnx'), { signal: abort.signal });
    abort.abort();
    assert.equal(model.info.format, 'onnx');
  });
});
