import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { findAddon } from '#src/backends/native/find-addon';
import { repository } from '../../../support/test-data.js';
import { makeFolder } from '../../support/files.js';

const kept = process.env.INFERNODE_ADDON;
afterEach(() => {
  delete process.env.INFERNODE_ADDON;
  if (kept !== undefined) process.env.INFERNODE_ADDON = kept;
});

describe('INFERNODE_ADDON', () => {
  test('names a folder with the core, and perhaps the torch backend', async (t) => {
    const folder = await makeFolder(t, { 'infernode.node': '' });
    process.env.INFERNODE_ADDON = folder;
    const core = join(folder, 'infernode.node');
    assert.deepEqual(findAddon(), {
      files: { core, torch: null },
      attempts: [{ what: 'add-on (INFERNODE_ADDON)', path: core, ok: true, reason: 'found' }],
    });
    process.env.INFERNODE_ADDON = await makeFolder(t, { 'infernode.node': '', 'infernode_torch.so': '' });
    assert.equal(findAddon().files!.torch, join(process.env.INFERNODE_ADDON, 'infernode_torch.so'));
  });

  test('that leads nowhere is not made up for by the local build', async (t) => {
    const folder = await makeFolder(t, {});
    process.env.INFERNODE_ADDON = folder;
    const path = join(folder, 'infernode.node');
    assert.deepEqual(findAddon(), {
      files: null,
      attempts: [{ what: 'add-on (INFERNODE_ADDON)', path, ok: false, reason: 'no such file' }],
    });
  });
});

describe('the local build', () => {
  /** A copy of the compiled search in a package that has what the files say. */
  async function search(t: TestContext, files: Record<string, string>): Promise<{ folder: string; found: unknown }> {
    const folder = await makeFolder(t, { 'package.json': '{"type": "module"}', ...files });
    for (const name of ['errors', 'config/package-root', 'backends/native/find-addon']) {
      await cp(fileURLToPath(import.meta.resolve(`#src/${name}`)), join(folder, 'dist', `${name}.js`));
    }
    await symlink(join(repository, 'node_modules'), join(folder, 'node_modules'));
    const module = pathToFileURL(join(folder, 'dist/backends/native/find-addon.js')).href;
    const script = `import(${JSON.stringify(module)}).then((m) => process.stdout.write(JSON.stringify(m.findAddon())))`;
    const env = { ...process.env, INFERNODE_ADDON: '' };
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env });
    return { folder, found: JSON.parse(stdout) };
  }

  test('that was not made: says how', async (t) => {
    const { found } = await search(t, {});
    const { files, attempts } = found as ReturnType<typeof findAddon>;
    assert.equal(files, null);
    assert.equal(attempts.length, 1);
    assert.match(attempts[0]!.reason, /not in this package: build it in a clone/);
  });

  test('is found in build/Release', async (t) => {
    const { folder, found } = await search(t, { 'build/Release/infernode.node': '' });
    const core = join(folder, 'build/Release/infernode.node');
    assert.deepEqual((found as ReturnType<typeof findAddon>).files, { core, torch: null });
  });
});
