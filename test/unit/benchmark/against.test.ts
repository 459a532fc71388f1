import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findOnnxFile } from '#src/benchmark/against';
import { fixture } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

test('the ONNX file is the model, in its folder, or beside it under the same name', async (t) => {
  const folder = await makeFolder(t, { 'notes.onnx': 'no model' });
  await mkdir(join(folder, 'model/2'), { recursive: true });
  const inside = join(folder, 'model/2/model.onnx');
  await copyFile(fixture('tiny.pt'), join(folder, 'model/2/model.pt'));
  await copyFile(fixture('tiny.onnx'), inside);
  await copyFile(fixture('tiny.pt'), join(folder, 'alone.pt'));
  await copyFile(fixture('tiny.pt'), join(folder, 'notes.pt'));
  assert.equal(await findOnnxFile(fixture('tiny.onnx')), fixture('tiny.onnx'));
  assert.equal(await findOnnxFile(fixture('tiny.pt')), fixture('tiny.onnx'));
  assert.equal(await findOnnxFile(join(folder, 'model')), inside);
  assert.equal(await findOnnxFile(join(folder, 'model/2/model.pt')), inside);
  assert.equal(await findOnnxFile(join(folder, 'alone.pt')), null);
  assert.equal(await findOnnxFile(join(folder, 'notes.pt')), null);
  assert.equal(await findOnnxFile(join(folder, 'missing.pt')), null);
});
