import assert from 'node:assert/strict';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { pythonTorch } from '#src/backends/torch/python-torch';
import { makeFolder } from '../../support/files.js';

const { PATH } = process.env;
afterEach(() => {
  process.env.PATH = PATH;
});

/** A python3 that is this shell script. */
async function python(t: unknown, script: string): Promise<string> {
  const folder = await makeFolder(t as TestContext, { python3: `#!/bin/sh\n${script}\n` });
  await chmod(join(folder, 'python3'), 0o755);
  process.env.PATH = `${folder}:${PATH}`;
  return folder;
}

describe('the torch of python3', () => {
  test('is where python3 says', async (t) => {
    await python(t, 'echo /site/torch');
    assert.deepEqual(await pythonTorch(), { path: '/site/torch' });
  });

  const without: [what: string, script: string, reason: RegExp][] = [
    ['of a python3 without it', 'echo', /^python3 has no torch package$/],
    [
      'of a python3 that fails',
      'echo first >&2; echo "ImportError: odd" >&2; exit 1',
      /does not work: ImportError: odd$/,
    ],
    ['of a python3 that crashes', 'kill -SEGV $$', /^python3 does not work: it ended with SIGSEGV$/],
  ];
  for (const [what, script, reason] of without) {
    test(what, async (t) => {
      await python(t, script);
      const found = await pythonTorch();
      assert.ok(found.path === null);
      assert.match(found.reason, reason);
    });
  }

  test('without any python3', async () => {
    process.env.PATH = '/no/such/folder';
    assert.deepEqual(await pythonTorch(), { path: null, reason: 'there is no python3 on PATH' });
  });

  test('of a python3 that hangs is not waited for, and nothing of it stays', async (t) => {
    const folder = await python(t, 'sleep 600 &\necho $! > "$0.pid"\nwait');
    assert.deepEqual(await pythonTorch(), { path: null, reason: 'python3 did not answer within 3 seconds' });
    const pid = Number(await readFile(join(folder, 'python3.pid'), 'utf8'));
    while (await isRunning(pid)) await delay(10);
  });
});

/** A process that was killed may stay as a zombie where nobody waits for orphans. */
async function isRunning(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  return status !== null && !/\) Z /.test(status);
}
