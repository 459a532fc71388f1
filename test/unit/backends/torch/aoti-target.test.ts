import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { checkTarget } from '#src/backends/torch/aoti-target';
import { rejects } from '../../../support/expect-error.js';
import { makeFolder } from '../../support/files.js';
import { makeZip } from '../../support/zip.js';

/** A package with this metadata, or none. */
async function makePackage(t: TestContext, metadata?: string): Promise<string> {
  const files = metadata === undefined ? {} : { 'm/data/aotinductor/model/abc.wrapper_metadata.json': metadata };
  const folder = await makeFolder(t, {
    'm.pt2': makeZip({ 'm/data/aotinductor/model/abc.wrapper.so': 'x', ...files }),
  });
  return join(folder, 'm.pt2');
}

describe('what a package was compiled for', () => {
  const isa = async (t: TestContext, list: string) =>
    checkTarget(await makePackage(t, JSON.stringify({ AOTI_DEVICE_KEY: 'cpu', AOTI_CPU_ISA: list })), 'cpu');

  test('without metadata, or with names nobody knows, a package may run', async (t) => {
    await checkTarget(await makePackage(t), 'cpu');
    await isa(t, '');
    await isa(t, 'NEON FUTURE9000');
    await checkTarget(await makePackage(t, '{}'), 'cpu');
  });

  const flags = (() => {
    try {
      return new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))![1]!.trim().split(' '));
    } catch {
      return new Set<string>();
    }
  })();
  for (const [name, flag] of Object.entries({
    AVX2: 'avx2',
    AVX512: 'avx512f',
    AVX512_VNNI: 'avx512_vnni',
    AMX_TILE: 'amx_tile',
  })) {
    const skip = flags.size > 0 ? false : 'needs /proc/cpuinfo with flags';
    const here = flags.has(flag);
    test(`${name}, which this CPU ${here ? 'has' : 'lacks'}`, { skip }, async (t) => {
      if (here) await isa(t, name);
      else await rejects(isa(t, `AVX2 ${name}`), 'INF_MODEL_INVALID', name, 'Compile it on this machine');
    });
  }

  test('a package for another kind of device says which', async (t) => {
    const path = await makePackage(t, JSON.stringify({ AOTI_DEVICE_KEY: 'cuda' }));
    await rejects(checkTarget(path, 'cpu'), 'INF_MODEL_INVALID', path, 'compiled for cuda', 'device "cuda"');
    await checkTarget(path, 'cuda:1');
    const forCpu = await makePackage(t, JSON.stringify({ AOTI_DEVICE_KEY: 'cpu' }));
    await rejects(checkTarget(forCpu, 'cuda:0'), 'INF_MODEL_INVALID', 'cuda:0', 'compiled for cpu');
  });

  test('metadata that is no such thing', async (t) => {
    for (const metadata of ['not json', 'null', '{"AOTI_CPU_ISA": 5}']) {
      await rejects(checkTarget(await makePackage(t, metadata), 'cpu'), 'INF_MODEL_INVALID');
    }
  });
});
