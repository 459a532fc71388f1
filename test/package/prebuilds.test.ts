import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { needsPackage } from '../support/installed-package.js';
import { repository } from '../support/test-data.js';
import { makeFolder } from '../unit/support/files.js';

const folder = join(repository, 'prebuilds', `${process.platform}-${process.arch}`);
const script = (name: string) => import(pathToFileURL(join(repository, 'scripts/prebuild', name)).href);

/** A binary in which one text is replaced by another of the same length. */
function changed(name: string, from: string, to: string): Buffer {
  const content = readFileSync(join(folder, name));
  const at = content.indexOf(`${from}\0`);
  assert.ok(at > 0 && from.length === to.length, from);
  content.write(to, at, 'latin1');
  return content;
}

describe('the prebuilt binaries', { skip: needsPackage }, () => {
  test('run on the oldest systems, and a newer symbol or another library would be noticed', async (t) => {
    const { auditBinary } = await script('audit.mjs');
    const core = 'infernode.glibc.node';
    for (const name of readdirSync(folder).filter((file) => file !== 'manifest.json')) {
      assert.deepEqual(await auditBinary(join(folder, name)), [], name);
    }
    const cases: [from: string, to: string, problem: RegExp][] = [
      ['GLIBC_2.34', 'GLIBC_2.36', /needs GLIBC_2\.36, and the baseline is 2\.35/],
      ['GLIBCXX_3.4.30', 'GLIBCXX_3.4.31', /needs GLIBCXX_3\.4\.31, and the baseline is 3\.4\.30/],
      ['libstdc++.so.6', 'libstrange.so6', /needs libstrange\.so6/],
    ];
    for (const [from, to, problem] of cases) {
      const other = await makeFolder(t as TestContext, { 'core.node': changed(core, from, to) });
      const problems: string[] = await auditBinary(join(other, 'core.node'));
      assert.equal(problems.length, 1);
      assert.match(problems[0]!, problem);
    }
  });

  test('are stripped, and named as prebuildify names them', async () => {
    const names = readdirSync(folder);
    assert.ok(names.includes('infernode.glibc.node'));
    assert.ok(names.some((name) => /^infernode_torch-2\.\d+\.glibc\.so$/.test(name)));
    for (const name of names) assert.ok(!readFileSync(join(folder, name)).includes('.symtab\0'), name);
  });

  test('are what their manifest says, and a change would stop the packing', async (t) => {
    const { checkManifest } = await script('manifest.mjs');
    const { version } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));
    assert.deepEqual(checkManifest(folder, version), []);
    const files = Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name))]));
    files['infernode.glibc.node'] = Buffer.from('other');
    const other = await makeFolder(t as TestContext, files);
    assert.deepEqual(checkManifest(other, version), ['infernode.glibc.node is not what the manifest says']);
    assert.deepEqual(checkManifest(join(other, 'none'), version), ['there is no manifest.json: npm run prebuild']);
  });
});
