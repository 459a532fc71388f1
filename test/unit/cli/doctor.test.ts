import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { BackendStatus } from '#src/backends/backend';
import { findWorking } from '#src/backends/torch/find-working';
import { needsTorch } from '../../support/torch.js';
import { copyPackage } from '../support/package-copy.js';

const platform = `${process.platform}-${process.arch}`;

/** An installed package with a published core, for which `infernode build` has made the torch backend. */
async function afterBuild(t: TestContext) {
  const { core, torch, place } = (await findWorking(undefined)).working!;
  const { folder, ask } = await copyPackage(t, []);
  const prebuilt = join(folder, 'prebuilds', platform);
  await mkdir(prebuilt, { recursive: true });
  await mkdir(join(folder, 'build/Release'), { recursive: true });
  const content = await readFile(core);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const files = { 'infernode.glibc.node': { bytes: content.length, sha256 } };
  await writeFile(join(prebuilt, 'infernode.glibc.node'), content);
  await writeFile(join(prebuilt, 'manifest.json'), JSON.stringify({ files }));
  await copyFile(torch, join(folder, 'build/Release/infernode_torch.so'));
  await symlink(place.path, join(folder, '.libtorch'));
  return {
    core: join(prebuilt, 'infernode.glibc.node'),
    torch: join(folder, 'build/Release/infernode_torch.so'),
    async doctor(): Promise<BackendStatus> {
      const { backends } = await ask(join(folder, 'dist/cli/main.js'), 'doctor', '--json');
      return (backends! as BackendStatus[]).find(({ name }) => name === 'torch')!;
    },
  };
}

describe('doctor, after infernode build', { skip: needsTorch }, () => {
  test('tells of what was used, and nothing of a core that nobody builds', async (t) => {
    const { available, attempts } = await (await afterBuild(t as TestContext)).doctor();
    assert.equal(available, true);
    assert.deepEqual(
      attempts.map(({ what, ok }) => [what, ok]),
      [
        ['add-on (prebuilt)', true],
        ['libtorch (.libtorch) with the torch backend (local build)', true],
      ],
    );
  });

  test('says what it is that does not work', async (t) => {
    const { core, torch, doctor } = await afterBuild(t as TestContext);
    await truncate(torch, 5000);
    const built = await doctor();
    assert.match(built.reason, /^libtorch \S+ does not work: \S+infernode_torch\.so is cut short/);
    await truncate(core, 5000);
    const published = await doctor();
    assert.equal(published.code, 'INF_BINARY_INVALID');
    assert.match(published.reason, /^the add-on \(prebuilt\) does not work: \S+ is not the file that was published/);
  });

  test('opens everything again, whatever was remembered', async (t) => {
    const { torch, doctor } = await afterBuild(t as TestContext);
    await utimes(torch, 0, 0);
    assert.equal((await doctor()).available, true);
    // To the cache this is the same file; it needs a library that is not there.
    const content = await readFile(torch);
    const at = content.indexOf('libtorch_cpu.so\0');
    assert.ok(at > 0);
    content.write('libgoner_cpu.so', at, 'latin1');
    await writeFile(torch, content);
    await utimes(torch, 0, 0);
    const { available, reason } = await doctor();
    assert.equal(available, false);
    assert.match(reason, /libgoner_cpu\.so: cannot open/);
  });
});
