import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { repository } from '../../../support/test-data.js';
import { fixture } from '../../../support/torch.js';
import { makeFolder } from '../../support/files.js';

async function filesLeft(t: TestContext, telemetry: string | undefined): Promise<string[]> {
  const folder = await makeFolder(t, {});
  const { ORT_DISABLE_TELEMETRY: _, ...others } = process.env;
  const env = { ...others, TMPDIR: folder, ...(telemetry !== undefined && { ORT_DISABLE_TELEMETRY: telemetry }) };
  const source = `
    import { load } from ${JSON.stringify(join(repository, 'dist/index.js'))};
    const model = await load(${JSON.stringify(fixture('tiny.onnx'))});
    await model.close();`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], { cwd: folder, env });
  assert.equal(status, 0, String(stderr));
  return readdir(folder);
}

test('the runtime leaves no log of its use, unless the user has said that it may', async (t) => {
  assert.deepEqual(await filesLeft(t, undefined), []);
  assert.notDeepEqual(await filesLeft(t, '0'), []);
});
