import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { addonFolders, coreIn, torchLibrariesIn, userBuilds } from '#src/backends/native/addon-folders';
import { findCore } from '#src/backends/native/find-core';
import { repository } from '../../../support/test-data.js';
import { restoreVariables } from '../../support/environment.js';
import { makeFolder } from '../../support/files.js';

restoreVariables(['INFERNODE_ADDON', 'XDG_CACHE_HOME']);

describe('the folders of native files', () => {
  test('are the local build, what the user built, and the binaries of the package', () => {
    delete process.env.INFERNODE_ADDON;
    assert.deepEqual(addonFolders(), [
      { origin: 'local build', path: join(repository, 'build/Release') },
      { origin: 'infernode build', path: userBuilds() },
      { origin: 'prebuilt', path: join(repository, `prebuilds/${process.platform}-${process.arch}`) },
    ]);
  });

  test('are INFERNODE_ADDON alone where that is set', () => {
    process.env.INFERNODE_ADDON = '/some/folder';
    assert.deepEqual(addonFolders(), [{ origin: 'INFERNODE_ADDON', path: '/some/folder' }]);
  });

  test('hold what their names say, for this C library', async (t) => {
    const names = [
      'infernode.musl.node',
      'infernode_torch.so',
      'infernode_torch-2.13.glibc.so',
      'infernode_torch-2.14-cuda.glibc.so',
      'infernode_torch-2.14.musl.so',
      'manifest.json',
    ];
    const path = await makeFolder(t as TestContext, Object.fromEntries(names.map((name) => [name, ''])));
    const folder = { origin: 'test', path };
    assert.equal(coreIn(folder), null);
    assert.deepEqual(
      torchLibrariesIn(folder),
      [
        { origin: 'test', path: join(path, names[3]!), libtorch: '2.14', cuda: true },
        { origin: 'test', path: join(path, names[2]!), libtorch: '2.13', cuda: false },
        { origin: 'test', path: join(path, names[1]!), libtorch: null, cuda: false },
      ].sort((a, b) => (a.path < b.path ? -1 : 1)),
    );
    await writeFile(join(path, 'infernode.glibc.node'), '');
    assert.equal(coreIn(folder), join(path, 'infernode.glibc.node'));
  });
});

describe('the core', () => {
  test('that INFERNODE_ADDON does not have is not made up for by another', async (t) => {
    const path = await makeFolder(t as TestContext, {});
    process.env.INFERNODE_ADDON = path;
    const { path: found, attempts } = await findCore();
    assert.equal(found, null);
    assert.deepEqual(attempts, [
      {
        what: 'add-on (INFERNODE_ADDON)',
        path,
        ok: false,
        reason: 'no infernode.node in it',
        fix: 'correct INFERNODE_ADDON, or unset it',
      },
    ]);
  });

  test('is held against a manifest, where there is one', async (t) => {
    const path = await makeFolder(t as TestContext, { 'infernode.node': 'x', 'manifest.json': '{ "files": {} }' });
    process.env.INFERNODE_ADDON = path;
    const { path: found, invalid } = await findCore();
    assert.equal(found, null);
    assert.equal(invalid?.code, 'INF_BINARY_INVALID');
    assert.match(invalid.message, /infernode\.node is not in the manifest of its folder/);
  });

  test('that is missing, though the folder was published with it, is invalid, and so is a manifest of another shape', async (t) => {
    const core = '{ "files": { "infernode.glibc.node": { "bytes": 1, "sha256": "" } } }';
    const path = await makeFolder(t as TestContext, { 'manifest.json': core });
    process.env.INFERNODE_ADDON = path;
    const { path: found, invalid, attempts } = await findCore();
    assert.equal(found, null);
    assert.equal(invalid?.code, 'INF_BINARY_INVALID');
    assert.match(
      attempts[0]!.reason,
      /glibc\.node is missing, and was published with the package; install the package/,
    );
    for (const manifest of ['null', '{}', '{"files": 5}']) {
      await writeFile(join(path, 'manifest.json'), manifest);
      await writeFile(join(path, 'infernode.node'), '');
      assert.match((await findCore()).invalid!.message, /manifest\.json does not say which files there are/);
    }
  });

  test('that does not load says why and what to do', async (t) => {
    const path = await makeFolder(t as TestContext, {});
    process.env.INFERNODE_ADDON = path;
    await mkdir(path, { recursive: true });
    await writeFile(join(path, 'infernode.node'), 'no library');
    const [attempt] = (await findCore()).attempts;
    assert.match(attempt!.reason, /^does not work: .*infernode\.node/);
    assert.match(attempt!.fix!, /damaged/);
  });
});
