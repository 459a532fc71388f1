import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { repository } from '../../support/test-data.js';
import { makeFolder } from '../support/files.js';

const source = join(repository, 'dist/config/scratch-folder.js');

/** Makes a scratch folder in a process that stays, and tells its path. */
async function makeElsewhere(t: TestContext, parent: string) {
  const script = `
    import { makeScratchFolder } from ${JSON.stringify(source)};
    console.log(makeScratchFolder(${JSON.stringify(parent)}));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [path] = (await once(child.stdout, 'data')) as [Buffer];
  return { path: String(path).trim(), child };
}

test('a scratch folder goes with a killed process at the next start, and that of a living one stays', async (t) => {
  const parent = await makeFolder(t, { 'infernode-mine/file': '', '.infernode-00000000-1-other-machine/file': '' });
  const killed = await makeElsewhere(t, parent);
  await writeFile(join(killed.path, 'part'), 'x');
  const living = await makeElsewhere(t, parent);
  assert.ok(existsSync(killed.path));
  killed.child.kill('SIGKILL');
  await once(killed.child, 'close');
  const next = await makeElsewhere(t, parent);
  while (existsSync(killed.path)) await new Promise((resolve) => setTimeout(resolve, 10));
  const names = [living.path, next.path].map((path) => basename(path));
  assert.deepEqual(
    (await readdir(parent)).sort(),
    ['infernode-mine', '.infernode-00000000-1-other-machine', ...names].sort(),
  );
});

test('a scratch folder beside the files of a user is hidden', async (t) => {
  const { path } = await makeElsewhere(t, await makeFolder(t, {}));
  assert.match(basename(path), /^\.infernode-[0-9a-f]{8}-\d+-/);
});
