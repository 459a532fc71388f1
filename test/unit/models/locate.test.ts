import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveModel } from '#src/models/locate';
import { rejects } from '../../support/expect-error.js';
import { makeFolder } from '../support/files.js';
import { AOTINDUCTOR, ONNX, TORCHSCRIPT } from './samples.js';

const SETTINGS = '{"processing": {"labels": ["a", "b"]}}';

test('a model folder gives every file of its newest version, and its model.json', async (t) => {
  const folder = await makeFolder(t, {
    'net/model.json': SETTINGS,
    'net/1/model.pt': TORCHSCRIPT,
    'net/9/model.pt': TORCHSCRIPT,
    'net/10/model.onnx': ONNX,
    'net/10/model.pt2': AOTINDUCTOR,
    'net/10/model.pt': TORCHSCRIPT,
    'net/010/model.pt': TORCHSCRIPT,
    'net/99x/model.pt': TORCHSCRIPT,
    'net/0/model.pt': TORCHSCRIPT,
    'net/11': 'a file, no version',
  });
  const model = await resolveModel(join(folder, 'net'));
  assert.deepEqual(model.candidates, [
    { file: join(folder, 'net', '10', 'model.pt'), format: 'torchscript' },
    { file: join(folder, 'net', '10', 'model.pt2'), format: 'aotinductor' },
    { file: join(folder, 'net', '10', 'model.onnx'), format: 'onnx' },
  ]);
  assert.equal(model.version, 10);
  assert.equal(model.configFile, join(folder, 'net', 'model.json'));
  assert.deepEqual(model.config?.processing?.labels, ['a', 'b']);
});

test('formats choose and order the candidates', async (t) => {
  const folder = await makeFolder(t, { '1/model.onnx': ONNX, '1/model.pt': TORCHSCRIPT });
  const formats = async (...list: ('onnx' | 'torchscript' | 'aotinductor')[]) =>
    (await resolveModel(folder, { formats: list })).candidates.map(({ format }) => format);
  assert.deepEqual(await formats('onnx', 'torchscript'), ['onnx', 'torchscript']);
  assert.deepEqual(await formats('onnx'), ['onnx']);
  await rejects(formats('aotinductor'), 'INF_MODEL_FORMAT', /model\.pt \(torchscript\).*aotinductor/);
});

test('a broken file is passed over if another serves, else its error is raised', async (t) => {
  const folder = await makeFolder(t, {
    'a/1/model.pt': 'version https://git-lfs.github.com/spec/v1',
    'a/1/model.onnx': ONNX,
    'b/1/model.pt': 'version https://git-lfs.github.com/spec/v1',
  });
  const { candidates } = await resolveModel(join(folder, 'a'));
  assert.deepEqual(
    candidates.map(({ format }) => format),
    ['onnx'],
  );
  await rejects(resolveModel(join(folder, 'b')), 'INF_MODEL_FORMAT', /git lfs pull/);
});

test('a version folder, a plain folder and a file', async (t) => {
  const folder = await makeFolder(t, {
    'net/model.json': SETTINGS,
    'net/2/model.onnx': ONNX,
    'flat/model.pt': TORCHSCRIPT,
    'flat/model.json': SETTINGS,
  });
  const version = await resolveModel(join(folder, 'net', '2'));
  assert.equal(version.version, 2);
  assert.equal(version.configFile, join(folder, 'net', 'model.json'));
  const file = await resolveModel(join(folder, 'net', '2', 'model.onnx'));
  assert.equal(file.version, 2);
  assert.equal(file.configFile, join(folder, 'net', 'model.json'));
  const flat = await resolveModel(join(folder, 'flat'));
  assert.equal(flat.version, null);
  assert.equal(flat.configFile, join(folder, 'flat', 'model.json'));
});

test('settings beside a file: of model.*, of <name>.json if it is one, of the model folder', async (t) => {
  const folder = await makeFolder(t, {
    'model.json': SETTINGS,
    'model.pt': TORCHSCRIPT,
    'net.onnx': ONNX,
    'net.json': '{"processing": {"softmax": true}}',
    'other.onnx': ONNX,
    'other.json': '{"model_type": "BPE"}',
    'plain.onnx': ONNX,
    'wrong.onnx': ONNX,
    'wrong.json': '{"processing": {"softmx": true}}',
    '3/net.onnx': ONNX,
  });
  const found = async (name: string) => (await resolveModel(join(folder, name))).configFile;
  assert.equal(await found('model.pt'), join(folder, 'model.json'));
  assert.equal(await found('net.onnx'), join(folder, 'net.json'));
  assert.equal(await found('other.onnx'), null);
  assert.equal(await found('plain.onnx'), null);
  assert.equal(await found('3/net.onnx'), join(folder, 'model.json'));
  await rejects(found('wrong.onnx'), 'INF_MODEL_CONFIG', /wrong\.json: .*processing\.softmx.*"softmax"/);
});

test('a wrong model.json stops the load', async (t) => {
  const folder = await makeFolder(t, { 'model.json': '{', '1/model.onnx': ONNX });
  await rejects(resolveModel(folder), 'INF_MODEL_CONFIG', /model\.json is not JSON/);
});

test('what is no model says what it is', async (t) => {
  const folder = await makeFolder(t, {
    'models/net/1/model.onnx': ONNX,
    'gap/1/model.onnx': ONNX,
    'gap/2/notes.txt': 'x',
    'nothing/x.txt': 'x',
  });
  const at = (name: string) => resolveModel(join(folder, name));
  await rejects(at('modles'), 'INF_MODEL_NOT_FOUND', /did you mean "models"/);
  await rejects(at('models'), 'INF_MODEL_FORMAT', /model repository; give one of its models: .*net/);
  await rejects(at('gap'), 'INF_MODEL_NOT_FOUND', /Version 2, the newest/);
  await rejects(at('nothing'), 'INF_MODEL_FORMAT', /folder without a model/);
});
