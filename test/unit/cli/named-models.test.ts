import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { namedModels } from '#src/cli/named-models';
import { throws } from '../../support/expect-error.js';
import { makeFolder } from '../support/files.js';

test('a model is named by its file, its folder, or its user', async (t) => {
  const folder = await makeFolder(t, { 'v1.5/1/model.onnx': '', 'dir/c=d.pt': '' });
  assert.deepEqual(namedModels(['x/net.v2.onnx', `${folder}/v1.5/`, 'mine=x/a=b.pt', `${folder}/dir/c=d.pt`]), {
    'net.v2': 'x/net.v2.onnx',
    'v1.5': `${folder}/v1.5/`,
    mine: 'x/a=b.pt',
    'c=d': `${folder}/dir/c=d.pt`,
  });
  assert.deepEqual(Object.keys(namedModels(['__proto__=m.pt'])), ['__proto__']);
});

test('a name may be any that a model can have, and no other', () => {
  assert.deepEqual(namedModels(['my model=x/net.onnx', 'größe=b.pt']), { 'my model': 'x/net.onnx', größe: 'b.pt' });
  throws(() => namedModels(['../x=net.onnx']), 'INF_OPTION_INVALID', '"../x"', 'path separator');
  throws(() => namedModels([' =net.onnx']), 'INF_OPTION_INVALID', 'empty');
});

test('two models of one name are refused', async () => {
  throws(() => namedModels([join('a', 'm.pt'), join('b', 'm.onnx')]), 'INF_OPTION_INVALID', '"m"');
});
