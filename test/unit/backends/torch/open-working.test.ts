import assert from 'node:assert/strict';
import { readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, type TestContext, test } from 'node:test';
import { librariesOf } from '#src/backends/torch/find-libtorch';
import { findWorking } from '#src/backends/torch/find-working';
import { openWorking } from '#src/backends/torch/open-working';
import { load } from '#src/engine/load';
import { rejects } from '../../../support/expect-error.js';
import { fixture, needsTorch } from '../../../support/torch.js';
import { makeFolder } from '../../support/files.js';

const kept = process.env.XDG_CACHE_HOME;
afterEach(() => {
  delete process.env.XDG_CACHE_HOME;
  if (kept !== undefined) process.env.XDG_CACHE_HOME = kept;
});

/**
 * A libtorch, and what takes a library away that it needs, in a way that the cache does not notice: libtorch.so then asks for
 * one that no system has.
 */
async function libtorchThatBreaks(t: TestContext): Promise<{ folder: string; breakIt(): Promise<void> }> {
  const real = (await findWorking(undefined)).working!.place.lib;
  const content = await readFile(join(real, 'libtorch.so'));
  const folder = await makeFolder(t, { 'lib/libtorch.so': content });
  for (const name of librariesOf(real)) {
    const path = join(folder, 'lib', name.slice(real.length + 1));
    if (!path.endsWith('/libtorch.so')) await symlink(name, path);
  }
  const file = join(folder, 'lib/libtorch.so');
  await utimes(file, 0, 0);
  return {
    folder,
    async breakIt() {
      const at = content.indexOf('libtorch_cpu.so\0');
      assert.ok(at > 0);
      content.write('libgompX.so.1\0\0', at, 'latin1');
      await writeFile(file, content);
      await utimes(file, 0, 0);
    },
  };
}

describe('a libtorch that worked once and needs what has gone since', { skip: needsTorch }, () => {
  test('gives way to the onnx backend, tells what to do, and is not taken for working again', async (t) => {
    process.env.XDG_CACHE_HOME = await makeFolder(t as TestContext, {});
    const { folder: libtorch, breakIt } = await libtorchThatBreaks(t as TestContext);
    assert.notEqual((await findWorking(libtorch)).working, null);
    await breakIt();
    assert.notEqual((await findWorking(libtorch)).working, null, 'the cache says so');
    const folder = await makeFolder(t as TestContext, {
      'model.pt': await readFile(fixture('tiny.pt')),
      'model.onnx': await readFile(fixture('tiny.onnx')),
    });
    await using model = await load(folder, { libtorch });
    assert.equal(model.choice.backend, 'onnx');
    assert.match(model.choice.reason, /torch is unavailable: .*libgompX\.so\.1: cannot open.*; install libgomp/);
    await rejects(load(fixture('tiny.pt'), { libtorch }), 'INF_BACKEND_UNAVAILABLE', 'libgompX', '; install libgomp');
    assert.equal((await findWorking(libtorch)).working, null);
  });

  test('is searched for again in any case by who asks for that', async (t) => {
    process.env.XDG_CACHE_HOME = await makeFolder(t as TestContext, {});
    const { folder: libtorch, breakIt } = await libtorchThatBreaks(t as TestContext);
    assert.notEqual((await findWorking(libtorch)).working, null);
    await breakIt();
    assert.equal((await findWorking(libtorch, { fresh: true })).working, null);
  });

  test('does not give way to another one in the same process, where parts of it stay', async (t) => {
    process.env.XDG_CACHE_HOME = await makeFolder(t as TestContext, {});
    const { folder: libtorch, breakIt } = await libtorchThatBreaks(t as TestContext);
    const stale = await findWorking(libtorch);
    await breakIt();
    const { search, opened } = await openWorking(stale, () => findWorking(undefined));
    assert.equal(opened, null);
    assert.equal(search.working, null);
    assert.match(search.reason, /does not open in this process: libgompX\.so\.1.*; install libgomp/);
  });
});
