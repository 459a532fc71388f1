import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkNamedModels, checkRepository } from '#src/cli/check-models';
import { rejects } from '../../support/expect-error.js';
import { fixture } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

const ALL = ['torchscript', 'aotinductor', 'onnx'] as const;
const check = (path: string, formats: readonly ('torchscript' | 'aotinductor' | 'onnx')[] = ALL) =>
  checkNamedModels({ net: path }, formats);

test('models that could be loaded pass', async (t) => {
  const folder = await makeFolder(t, { 'net/2/model.onnx': '', 'net/1/model.onnx': '', 'net/model.json': '{}' });
  await check(fixture('tiny.onnx'));
  await check(join(folder, 'net'));
  await checkNamedModels({}, ALL);
});

test('models that cannot are refused, with what is wrong', async (t) => {
  const folder = await makeFolder(t, {
    'some/net/1/model.onnx': '',
    'broken/model.json': '{',
    'broken/1/model.onnx': '',
    'net.onnx': '',
  });
  await mkdir(join(folder, 'empty'));
  await rejects(check(join(folder, 'nte.onnx')), 'INF_MODEL_NOT_FOUND', 'did you mean "net.onnx"?');
  await rejects(check(fixture('tiny.pt'), ['onnx']), 'INF_MODEL_FORMAT', 'torchscript', 'onnx');
  await rejects(check(fixture('state-dict.pth')), 'INF_MODEL_FORMAT', 'pickle');
  await rejects(check(join(folder, 'some')), 'INF_OPTION_INVALID', `did you mean --models ${join(folder, 'some')}?`);
  await rejects(check(join(folder, 'broken')), 'INF_MODEL_CONFIG', 'JSON');
  await rejects(check(join(folder, 'empty')), 'INF_MODEL_NOT_FOUND', 'no version folder');
});

test('a repository is a folder that can be read', async (t) => {
  const folder = await makeFolder(t, { 'net.onnx': '' });
  await checkRepository(folder);
  await rejects(checkRepository(join(folder, 'nothing')), 'INF_OPTION_INVALID', '--models', 'ENOENT');
  await rejects(checkRepository(join(folder, 'net.onnx')), 'INF_OPTION_INVALID', '--models', 'ENOTDIR');
});
