import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFile, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ErrorCode } from '#src/errors';
import { detectFormat } from '#src/models/format';
import { rejects } from '../../support/expect-error.js';
import { dataFile, needsTestData } from '../../support/test-data.js';
import { makeFolder } from '../support/files.js';
import { makeZip } from '../support/zip.js';
import { AOTINDUCTOR, ONNX, TORCHSCRIPT } from './samples.js';

async function detect(t: TestContext, content: string | Uint8Array, name = 'model.bin'): Promise<string> {
  return detectFormat(join(await makeFolder(t, { [name]: content }), name));
}

async function refused(t: TestContext, content: string | Uint8Array, code: ErrorCode, message: RegExp): Promise<void> {
  await rejects(detect(t, content), code, message);
}

test('models are told by content, whatever their name', async (t) => {
  assert.equal(await detect(t, TORCHSCRIPT, 'a.onnx'), 'torchscript');
  assert.equal(await detect(t, AOTINDUCTOR, 'a.onnx'), 'aotinductor');
  assert.equal(await detect(t, ONNX, 'a.pt'), 'onnx');
});

test('a lite-interpreter file counts as TorchScript only with its code', async (t) => {
  const files = { 'm/data.pkl': 'x', 'm/bytecode.pkl': 'x', 'm/constants.pkl': 'x' };
  assert.equal(await detect(t, makeZip({ ...files, 'm/code/__torch__.py': 'x' })), 'torchscript');
  await refused(t, makeZip(files), 'INF_MODEL_FORMAT', /lite-interpreter.*torch\.jit\.script/);
});

test('an ONNX file may begin with any field', async (t) => {
  const graphFirst = Buffer.from([0x3a, 2, 0x12, 0, 0x08, 8, 0x42, 2, 0x10, 17]);
  assert.equal(await detect(t, graphFirst), 'onnx');
});

test('every way to save weights without a program says how to export', async (t) => {
  const pickleZip = makeZip({ 'm/data.pkl': 'x', 'm/version': '3', 'm/data/0': 'x' });
  const header = Buffer.from('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}');
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const legacy = Buffer.from('80028a0a6cfc9c46f9206aa850192e8002', 'hex');
  await refused(t, pickleZip, 'INF_MODEL_FORMAT', /does not unpickle.*torch\.jit\.script.*torch\.onnx\.export/);
  await refused(t, legacy, 'INF_MODEL_FORMAT', /does not unpickle.*torch\.jit\.script/);
  await refused(t, Buffer.from([0x80, 4, 0x95, 0]), 'INF_MODEL_FORMAT', /pickle/);
  await refused(
    t,
    Buffer.concat([length, header, Buffer.alloc(4)]),
    'INF_MODEL_FORMAT',
    /safetensors.*torch\.jit\.script/,
  );
});

test('an exported program, or one without its library, has to be compiled', async (t) => {
  const exported = makeZip({ 'm/models/model.json': '{}', 'm/archive_format': 'pt2', 'm/data/weights/weight_0': 'x' });
  const sources = makeZip({ 'm/data/aotinductor/model/m.cpp': 'x' });
  await refused(t, exported, 'INF_MODEL_FORMAT', /aoti_compile_and_package/);
  await refused(t, sources, 'INF_MODEL_FORMAT', /sources only.*aoti_compile_and_package/);
});

test('files cut short or damaged are invalid, not foreign', async (t) => {
  await refused(t, TORCHSCRIPT.subarray(0, -30), 'INF_MODEL_INVALID', /cut short/);
  const damaged = Buffer.from(TORCHSCRIPT);
  damaged.writeUInt32LE(0x7fffffff, damaged.length - 6);
  await refused(t, damaged, 'INF_MODEL_INVALID', /damaged/);
  await refused(t, ONNX.subarray(0, 10), 'INF_MODEL_INVALID', /ONNX.*cut short/);
});

const FOREIGN: [name: string, content: string | Uint8Array, message: RegExp][] = [
  ['an empty file', '', /empty/],
  ['a Git LFS pointer', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4956208\n', /git lfs pull/],
  ['a git-annex pointer', '/annex/objects/SHA256E-s1--00.onnx\n', /git annex get/],
  ['a page', '\n<!DOCTYPE html><html><title>Sign in</title></html>', /HTML.*download/],
  ['GGUF', 'GGUF\x03\0\0\0', /GGUF.*llama/],
  ['TensorFlow Lite', '\x1c\0\0\0TFL3\x14\0', /TensorFlow Lite/],
  ['ORT format', '\x1c\0\0\0ORTM\x14\0', /ORT format/],
  ['ExecuTorch', '\x1c\0\0\0ET12\x14\0', /ExecuTorch/],
  ['Keras HDF5', Buffer.from('894844460d0a1a0a00', 'hex'), /HDF5.*tf2onnx/],
  ['Keras 3', makeZip({ 'config.json': '{}', 'model.weights.h5': 'x' }), /Keras/],
  ['a SavedModel', Buffer.from([8, 1, 0x12, 4, 0x0a, 2, 0x22, 0]), /SavedModel.*tf2onnx/],
  ['an array', '\x93NUMPY\x01\0', /NumPy array/],
  ['an array archive', makeZip({ 'a.npy': 'x' }), /NumPy archive/],
  ['a TorchServe archive', makeZip({ 'MAR-INF/MANIFEST.json': '{}', 'model.pt': 'x' }), /TorchServe/],
  ['a packed model', makeZip({ 'net.onnx': 'x' }), /unpack/],
  ['another zip', makeZip({ 'a.txt': 'x' }), /zip archive/],
  ['a library', '\x7fELF\x02\x01', /shared library/],
  ['a gzip file', Buffer.from([0x1f, 0x8b, 8, 0]), /gzip/],
  ['JSON', '{"a": 1}', /JSON/],
  ['text', 'hello\n', /text file/],
  ['noise', Buffer.from('ff13a4b5c6d7e8f9000102030405', 'hex'), /no model that Infernode knows.*torch\.jit\.script/],
];

for (const [name, content, message] of FOREIGN) {
  test(`${name} is named and refused`, async (t) => {
    await refused(
      t,
      typeof content === 'string' ? Buffer.from(content, 'latin1') : content,
      'INF_MODEL_FORMAT',
      message,
    );
  });
}

test('no noise is taken for a model', async (t) => {
  const folder = await makeFolder(t, {});
  let seed = 1;
  for (let run = 0; run < 300; run++) {
    const noise = Uint8Array.from({ length: 64 }, () => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return seed >>> 24;
    });
    await writeFile(join(folder, 'noise'), noise);
    await rejects(detectFormat(join(folder, 'noise')), 'INF_MODEL_FORMAT');
  }
});

test('missing files, folders and devices', async (t) => {
  const folder = await makeFolder(t, { 'tf/saved_model.pb': 'x', 'hf/model.safetensors': 'x', 'empty/.keep': '' });
  await rejects(detectFormat(join(folder, 'none.pt')), 'INF_MODEL_NOT_FOUND', /no model at/);
  await rejects(detectFormat(join(folder, 'tf')), 'INF_MODEL_FORMAT', /SavedModel/);
  await rejects(detectFormat(join(folder, 'hf')), 'INF_MODEL_FORMAT', /safetensors/);
  await rejects(detectFormat(join(folder, 'empty')), 'INF_MODEL_FORMAT', /folder without a model/);
  if (process.platform === 'win32') return;
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  await rejects(detectFormat(join(folder, 'pipe')), 'INF_MODEL_FORMAT', /not a regular file/);
});

const FORMATS: Record<string, string> = { torchscript: 'torchscript', onnx: 'onnx', aoti_pt2: 'aotinductor' };

for (const [folder, format] of Object.entries(FORMATS)) {
  test(`real models: ${folder}`, { skip: needsTestData }, async (t) => {
    const temporary = await makeFolder(t, {});
    for (const name of await readdir(dataFile(join('models', folder)))) {
      const file = dataFile(join('models', folder, name));
      assert.equal(await detectFormat(file), format, name);
      const { length } = await readFile(file);
      const cut = join(temporary, 'cut');
      await copyFile(file, cut);
      await truncate(cut, Math.floor(length / 2));
      await rejects(detectFormat(cut), 'INF_MODEL_INVALID', /cut short/);
    }
  });
}

test('real files that are no models', { skip: needsTestData }, async () => {
  const negative = dataFile('negative');
  await rejects(detectFormat(join(negative, 'squeezenet1.0-12.onnx')), 'INF_MODEL_FORMAT', /git lfs pull/);
  await rejects(detectFormat(join(negative, 'resnet20-12fca82f.th')), 'INF_MODEL_FORMAT', /does not unpickle/);
});
