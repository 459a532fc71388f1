import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { repository } from '../../../support/test-data.js';
import { fixture } from '../../../support/torch.js';
import { makeFolder } from '../../support/files.js';

/** Loads an ONNX model in a process of its own; gives what was left in its folders, and the setting the runtime saw. */
async function loadWith(t: TestContext, telemetry: string | undefined): Promise<{ files: string[]; setting: string }> {
  const folder = await makeFolder(t, {});
  const { ORT_DISABLE_TELEMETRY: _, ...others } = process.env;
  const env = { ...others, TMPDIR: folder, ...(telemetry !== undefined && { ORT_DISABLE_TELEMETRY: telemetry }) };
  const source = `
    import { load } from ${JSON.stringify(join(repository, 'dist/index.js'))};
    const model = await load(${JSON.stringify(fixture('tiny.onnx'))});
    await model.close();
    console.log(process.env.ORT_DISABLE_TELEMETRY);`;
  const node = spawnSync(process.execPath, ['--input-type=module', '-e', source], { cwd: folder, env });
  assert.equal(node.status, 0, String(node.stderr));
  return { files: await readdir(folder), setting: String(node.stdout).trim() };
}

// Whether the runtime would have left a log depends on the machine (its home folder, its network): only the setting is
// the same everywhere.
test('the runtime is told to leave no log of its use', async (t) => {
  assert.deepEqual(await loadWith(t, undefined), { files: [], setting: '1' });
});

test('a user who has said that it may is not overruled', async (t) => {
  assert.equal((await loadWith(t, '0')).setting, '0');
});
