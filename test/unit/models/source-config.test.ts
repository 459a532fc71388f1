import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { readLabelled, readSourceConfig } from '#src/models/source-config';
import { rejects } from '../../support/expect-error.js';
import { makeFolder } from '../support/files.js';

test('labels are read from a file relative to model.json', async (t) => {
  const folder = await makeFolder(t, {
    'lines.json': '{"processing": {"labels": "names.txt"}}',
    'names.txt': 'tench\r\ngreat white shark\n\n',
    'list.json': '{"processing": {"labels": "sub/list.json"}}',
    'sub/list.json': '["a", "b"]',
    'index.json': '{"processing": {"labels": "sub/index.json"}}',
    'sub/index.json': '{"1": ["n2", "shark"], "0": ["n1", "tench"]}',
    'none.json': '{"processing": {"labels": "none.txt"}}',
    'hole.json': '{"processing": {"labels": "sub/hole.json"}}',
    'sub/hole.json': '{"0": "a", "2": "c"}',
    'broken.json': '\uFEFF{"inputs": [}',
  });
  const labels = async (name: string) => {
    const found = await readSourceConfig([{ file: join(folder, name), mayBeOther: false }], null);
    return found && (await readLabelled(found, null)).processing?.labels;
  };
  assert.deepEqual(await labels('lines.json'), ['tench', 'great white shark']);
  assert.deepEqual(await labels('list.json'), ['a', 'b']);
  assert.deepEqual(await labels('index.json'), ['tench', 'shark']);
  assert.equal(await labels('absent.json'), null);
  await rejects(labels('none.json'), 'INF_MODEL_CONFIG', /none\.json: processing\.labels: Cannot read/);
  await rejects(labels('hole.json'), 'INF_MODEL_CONFIG', /no text for class 1/);
  await rejects(labels('broken.json'), 'INF_MODEL_CONFIG', /is not JSON/);
  await rejects(labels('sub'), 'INF_MODEL_CONFIG', /is no regular file/);
});

test('the JSON of something else beside a model is passed over, unless it says processing', async (t) => {
  const folder = await makeFolder(t, {
    'net.json': '{"vocab": {"a": 1}}',
    'meant.json': '{"processing": {"vocab": 1}}',
    'model.json': '{"threads": 1}',
  });
  const read = (name: string) =>
    readSourceConfig(
      [
        { file: join(folder, name), mayBeOther: true },
        { file: join(folder, 'model.json'), mayBeOther: false },
      ],
      null,
    );
  assert.deepEqual((await read('net.json'))?.raw, { threads: 1 });
  await rejects(read('meant.json'), 'INF_MODEL_CONFIG', /processing\.vocab/);
});
