import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { hashOf } from '#src/config/hash';
import { findEntry, hasEntries, hashFiles, newestEntry, storeEntry } from '#src/models/tuned-cache';
import { repository } from '../../support/test-data.js';
import { withOwnCache } from '../support/cache.js';
import { makeFolder } from '../support/files.js';

let cache: string;
withOwnCache((folder) => {
  cache = folder;
});

const FILES = { 'model.json': '{}', '1/model.onnx': 'weights' };

/** Stores an entry and returns its folder. */
async function store(t: TestContext, key = 'key', environment = 'here', files: Record<string, string> = FILES) {
  await storeEntry('model', key, environment, await makeFolder(t, files));
  return join(cache, 'infernode/optimized/model', key);
}

describe('keys', () => {
  test('tell everything apart that decides what comes out', () => {
    const parts = [[], ['a'], ['a', 'b'], ['ab'], [{ a: 1 }], [{ a: 2 }], [['a'], 'b'], [null], ['']];
    assert.equal(new Set(parts.map((part) => hashOf(...part))).size, parts.length);
    assert.equal(hashOf('a', { b: [1] }), hashOf('a', { b: [1] }));
    assert.match(hashOf('a'), /^[0-9a-f]{32}$/);
  });

  test('of files are told by their content and its order, not by their names', async (t) => {
    const folder = await makeFolder(t, { a: 'one', b: 'two', c: 'one' });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => join(folder, name)) as [string, string, string];
    assert.equal(await hashFiles([a, b]), await hashFiles([c, b]));
    assert.notEqual(await hashFiles([a, b]), await hashFiles([b, a]));
    assert.notEqual(await hashFiles([a]), await hashFiles([b]));
    await assert.rejects(hashFiles([join(folder, 'gone')]));
  });
});

describe('an entry', () => {
  test('is found by model and key, with what was stored', async (t) => {
    assert.equal(await hasEntries(), false);
    assert.equal(await findEntry('model', 'key'), null);
    const folder = await store(t);
    assert.equal(await hasEntries(), true);
    assert.deepEqual(await findEntry('model', 'key'), { folder });
    assert.equal(await readFile(join(folder, '1/model.onnx'), 'utf8'), 'weights');
    assert.equal(await findEntry('model', 'other'), null);
    assert.equal(await findEntry('other', 'key'), null);
  });

  const spoilt: [what: string, spoil: (folder: string) => Promise<unknown>][] = [
    ['with another byte in it', (folder) => appendFile(join(folder, '1/model.onnx'), 'x')],
    ['with a file missing', (folder) => rm(join(folder, 'model.json'))],
    ['with a file too many', (folder) => writeFile(join(folder, '1/model.pt'), 'x')],
    ['without a seal', (folder) => rm(join(folder, 'seal.json'))],
    ['with a broken seal', (folder) => writeFile(join(folder, 'seal.json'), '{"files": ')],
    ['with a seal of something else', (folder) => writeFile(join(folder, 'seal.json'), 'null')],
    ['with a seal of no files', (folder) => writeFile(join(folder, 'seal.json'), '{"files": {}}')],
  ];
  for (const [what, spoil] of spoilt) {
    test(`${what} is none, is removed, and can be stored again`, async (t) => {
      await spoil(await store(t));
      assert.equal(await findEntry('model', 'key'), null);
      assert.deepEqual(await readdir(join(cache, 'infernode/optimized/model')), []);
      const folder = await store(t);
      assert.deepEqual(await findEntry('model', 'key'), { folder });
    });

    test(`${what} is replaced by a new one`, async (t) => {
      await spoil(await store(t));
      const folder = await store(t);
      assert.deepEqual(await findEntry('model', 'key'), { folder });
    });
  }

  test('that is whole stays where it is: another process may be reading it', async (t) => {
    const folder = await store(t);
    await store(t, 'key', 'here', { 'model.json': '{"threads": 1}' });
    assert.equal(await readFile(join(folder, 'model.json'), 'utf8'), '{}');
  });

  test('leaves nothing else behind', async (t) => {
    await store(t);
    await store(t);
    assert.deepEqual(await readdir(join(cache, 'infernode/optimized/model')), ['key']);
  });
});

describe('the newest entry', () => {
  test('is that of this environment alone', async (t) => {
    await store(t, 'a', 'there');
    assert.equal(await newestEntry('model', 'here'), null);
    const folder = await store(t, 'b', 'here');
    await store(t, 'c', 'there');
    assert.equal((await newestEntry('model', 'here'))?.folder, folder);
    assert.equal(await newestEntry('other', 'here'), null);
  });

  test('is the last one that was stored', async (t) => {
    for (const [key, created] of [
      ['b', 200],
      ['a', 300],
      ['c', 100],
    ] as const) {
      const seal = join(await store(t, key), 'seal.json');
      await writeFile(seal, JSON.stringify({ ...JSON.parse(await readFile(seal, 'utf8')), created }));
    }
    assert.equal((await newestEntry('model', 'here'))!.folder, join(cache, 'infernode/optimized/model/a'));
  });

  test('is none that is spoilt, nor one that is being written', async (t) => {
    const whole = await store(t, 'whole');
    await appendFile(join(await store(t, 'spoilt'), 'model.json'), 'x');
    const unfinished = join(cache, 'infernode/optimized/model/.infernode-0a1b2c3d-1-abc123');
    await mkdir(unfinished);
    assert.equal((await newestEntry('model', 'here'))?.folder, whole);
    assert.deepEqual(await readdir(unfinished), []);
  });
});

test('a cache that cannot be written is no error', async (t) => {
  process.env.XDG_CACHE_HOME = join(await makeFolder(t, { 'a-file': '' }), 'a-file');
  await store(t);
  assert.equal(await findEntry('model', 'key'), null);
  assert.equal(await newestEntry('model', 'here'), null);
  assert.equal(await hasEntries(), false);
});

test('an entry of a folder that is not there is none', async () => {
  await storeEntry('model', 'key', 'here', join(cache, 'gone'));
  assert.equal(await findEntry('model', 'key'), null);
  assert.deepEqual(await readdir(join(cache, 'infernode/optimized/model')), []);
});

test('several processes may store the same entry, while others read it', async (t) => {
  const source = await makeFolder(t, { 'model.json': '{}', '1/model.onnx': 'w'.repeat(1 << 20) });
  const script = `
    import { findEntry, storeEntry } from ${JSON.stringify(pathToFileURL(join(repository, 'dist/models/tuned-cache.js')))};
    for (let i = 0; i < 20; i++) {
      await storeEntry('model', 'key', 'here', ${JSON.stringify(source)});
      if ((await findEntry('model', 'key')) === null) process.exitCode = 1;
    }`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' }),
  );
  const codes = await Promise.all(children.map((child) => new Promise((resolve) => child.once('close', resolve))));
  assert.deepEqual(codes, [0, 0, 0, 0]);
  assert.deepEqual(await readdir(join(cache, 'infernode/optimized/model')), ['key']);
});
