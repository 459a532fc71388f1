import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, readFile, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, type TestContext, test } from 'node:test';
import { probeNative } from '#src/backends/native/probe';
import { TorchBackend } from '#src/backends/torch/backend';
import { findWorking } from '#src/backends/torch/find-working';
import { minorVersion } from '#src/backends/torch/torch-libraries';
import { rejects } from '../../../support/expect-error.js';
import { fixture, needsTorch } from '../../../support/torch.js';
import { restoreVariables } from '../../support/environment.js';
import { makeFolder } from '../../support/files.js';

restoreVariables(['XDG_CACHE_HOME', 'INFERNODE_ADDON', 'INFERNODE_LIBTORCH', 'NODE_OPTIONS']);

let cache: string;
beforeEach(async (t) => {
  cache = await makeFolder(t as TestContext, {});
  process.env.XDG_CACHE_HOME = cache;
});

const description = {
  name: 'torch',
  builtVersion: '1',
  runtimeVersion: '2',
  formats: 'torchscript',
  devices: 'cpu',
  details: '{}',
};

/** An add-on written in JavaScript, which leaves a mark in a file each time it is opened. */
const addon = (log: string) => `
  require('node:fs').appendFileSync(${JSON.stringify(log)}, 'opened ');
  module.exports = {
    initialize() {},
    openBackend: (path, libraries) => ({ path, libraries }),
    describeBackend: () => (${JSON.stringify(description)}),
  };`;

/** Probes an add-on with this source. */
async function probeScript(t: TestContext, source: string) {
  const folder = await makeFolder(t, { 'core.cjs': source, 'backend.so': '' });
  return probeNative(join(folder, 'core.cjs'), join(folder, 'backend.so'), []);
}

describe('a probe', () => {
  test('tells what opened', async (t) => {
    const folder = await makeFolder(t, {});
    assert.deepEqual(await probeScript(t, addon(join(folder, 'log'))), { ok: true, description });
  });

  test('is not led astray by options meant for another program', async (t) => {
    process.env.NODE_OPTIONS = '--require /no/such/file.js';
    const folder = await makeFolder(t, {});
    assert.equal((await probeScript(t, addon(join(folder, 'log')))).ok, true);
  });

  const broken: [what: string, source: string, reason: RegExp][] = [
    ['that throws', 'throw new Error("libgomp.so.1: cannot open shared object file")', /libgomp\.so\.1: cannot open/],
    ['that aborts', 'process.abort()', /crashed with SIGABRT/],
    ['that is killed, as by an unknown instruction', 'process.kill(process.pid, "SIGILL"); for (;;);', /SIGILL/],
    ['that ends the process', 'console.error("what\\nlast words"); process.exit(3)', /exit code 3: last words/],
    ['that has no such functions', 'module.exports = {}', /initialize is not a function/],
  ];
  for (const [what, source, reason] of broken) {
    test(`of an add-on ${what} harms nobody`, async (t) => {
      const result = await probeScript(t, source);
      assert.ok(!result.ok);
      assert.match(result.reason, reason);
    });
  }

  test('of a file that is cut short, or no library at all', async (t) => {
    const text = 'this is no library';
    const folder = await makeFolder(t, { 'text.node': text, 'elf.node': Buffer.from('\x7fELF\x02\x01\x01', 'latin1') });
    for (const name of ['text.node', 'elf.node']) {
      const path = join(folder, name);
      const result = await probeNative(path, path, []);
      assert.ok(!result.ok);
      assert.match(result.reason, new RegExp(`${name}: (file too short|invalid ELF header)`));
    }
  });
});

describe('what a probe found', () => {
  async function place(t: TestContext) {
    const folder = await makeFolder(t, { 'backend.so': '', 'lib.so': 'x', log: '' });
    const core = join(folder, 'core.cjs');
    const log = join(folder, 'log');
    await writeFile(core, addon(log));
    const probe = () => probeNative(core, join(folder, 'backend.so'), [join(folder, 'lib.so')]);
    return { folder, core, probe, times: async () => (await readFile(log, 'utf8')).split(' ').length - 1 };
  }

  test('is remembered on disk until a file changes', async (t) => {
    const { folder, probe, times } = await place(t);
    for (let i = 0; i < 2; i++) assert.deepEqual(await probe(), { ok: true, description });
    assert.equal(await times(), 1);
    await appendFile(join(folder, 'lib.so'), 'y');
    await probe();
    assert.equal(await times(), 2);
    const { atime } = await stat(join(folder, 'lib.so'));
    await utimes(join(folder, 'lib.so'), atime, new Date(0));
    await probe();
    assert.equal(await times(), 3);
  });

  test('is not remembered if it failed', async (t) => {
    const { core, probe, times } = await place(t);
    await appendFile(core, 'throw new Error("not today");');
    for (let i = 0; i < 2; i++) assert.equal((await probe()).ok, false);
    assert.equal(await times(), 2);
  });

  test('does not depend on a cache that can be read or written', async (t) => {
    const { probe, times } = await place(t);
    await makeCache('not json');
    assert.equal((await probe()).ok, true);
    assert.equal(await times(), 1);
    process.env.XDG_CACHE_HOME = join(cache, 'a-file');
    await writeFile(process.env.XDG_CACHE_HOME, '');
    for (let i = 0; i < 2; i++) assert.equal((await probe()).ok, true);
    assert.equal(await times(), 3);
  });

  test('keeps the last sixteen only', async (t) => {
    const { core, probe } = await place(t);
    for (let i = 0; i < 18; i++) {
      await appendFile(core, '\n');
      await probe();
    }
    const file = join(cache, 'infernode', 'probes.json');
    assert.equal(Object.keys(JSON.parse(await readFile(file, 'utf8'))).length, 16);
  });

  test('is probed anew where that is asked for, and forgotten if it fails', async (t) => {
    const { folder, core, times } = await place(t);
    const backend = join(folder, 'backend.so');
    await utimes(core, 0, 0);
    assert.equal((await probeNative(core, backend, [])).ok, true);
    assert.equal((await probeNative(core, backend, [], { fresh: true })).ok, true);
    assert.equal(await times(), 2);
    // The file is as it was, as far as the cache can see; what it needs has gone.
    const { size } = await stat(core);
    await writeFile(core, 'throw new Error("libgone.so: cannot open")'.padEnd(size));
    await utimes(core, 0, 0);
    assert.equal((await probeNative(core, backend, [])).ok, true);
    assert.equal((await probeNative(core, backend, [], { fresh: true })).ok, false);
    assert.equal((await probeNative(core, backend, [])).ok, false);
  });

  test('is as if absent where the disk holds something else', async (t) => {
    const { probe, times } = await place(t);
    assert.equal((await probe()).ok, true);
    const file = join(cache, 'infernode', 'probes.json');
    const [key] = Object.keys(JSON.parse(await readFile(file, 'utf8')));
    const wrong = [{ evil: 1 }, null, 5, 'text', [], { ...description, devices: 1 }, { ...description, details: '{' }];
    for (const [index, entry] of wrong.entries()) {
      await writeFile(file, JSON.stringify({ [key!]: entry }));
      assert.deepEqual(await probe(), { ok: true, description });
      assert.equal(await times(), index + 2, JSON.stringify(entry));
    }
    for (const content of ['[]', 'null', '7', '{"evil":1}']) {
      await writeFile(file, content);
      assert.deepEqual(await probe(), { ok: true, description }, content);
    }
  });

  async function makeCache(content: string): Promise<void> {
    const { mkdir } = await import('node:fs/promises');
    await mkdir(join(cache, 'infernode'));
    await writeFile(join(cache, 'infernode', 'probes.json'), content);
  }
});

describe('the torch backend without what it needs says why, and the process lives', () => {
  const load = (backend: TorchBackend) => backend.load('m.pt', 'torchscript', { device: 'cpu', threads: 1 });

  test('no add-on', async (t) => {
    process.env.INFERNODE_ADDON = join(await makeFolder(t, {}), 'gone');
    const backend = new TorchBackend();
    const status = await backend.probe();
    assert.deepEqual([status.available, status.devices], [false, []]);
    assert.match(status.reason, /gone \(add-on \(INFERNODE_ADDON\)\): no such folder; correct INFERNODE_ADDON/);
    await rejects(load(backend), 'INF_BACKEND_UNAVAILABLE', 'no such folder');
  });

  test('an add-on without the torch backend', { skip: needsTorch }, async (t) => {
    const { working } = await findWorking(undefined);
    process.env.INFERNODE_ADDON = await makeFolder(t as TestContext, {
      'infernode.node': await readFile(working!.core),
    });
    const { available, reason, attempts } = await new TorchBackend(working!.place.path).probe();
    assert.equal(available, false);
    assert.match(reason, /there is no torch backend here; run "npx infernode build"/);
    assert.deepEqual(
      attempts.map(({ ok }) => ok),
      [true, false],
    );
  });

  /** A build, whatever is in its files, and a libtorch of empty libraries. */
  async function makeBuild(t: TestContext) {
    const folder = await makeFolder(t, {
      'build/infernode.node': '',
      'build/infernode_torch.so': '',
      'libtorch/lib/libtorch_cpu.so': '',
    });
    process.env.INFERNODE_ADDON = join(folder, 'build');
    return folder;
  }

  test('a broken add-on', async (t) => {
    const folder = await makeBuild(t);
    const { available, reason, attempts } = await new TorchBackend(join(folder, 'libtorch')).probe();
    assert.equal(available, false);
    assert.match(reason, /does not work: .*infernode\.node: file too short/);
    assert.deepEqual(
      attempts.map(({ what, ok }) => [what, ok]),
      [['add-on (INFERNODE_ADDON)', false]],
    );
  });

  test('a folder without libtorch', { skip: needsTorch }, async (t) => {
    const folder = await makeFolder(t as TestContext, { 'lib/other.so': '' });
    const { available, reason, attempts } = await new TorchBackend(folder).probe();
    assert.equal(available, false);
    assert.deepEqual([attempts.at(-1)!.path, attempts.at(-1)!.reason], [folder, 'no lib/libtorch_cpu.so in it']);
    assert.ok(reason.includes(folder), reason);
  });

  describe('with the real add-on', { skip: needsTorch }, () => {
    test('a libtorch that is cut short', async (t) => {
      const folder = await makeFolder(t, { 'lib/libtorch_cpu.so': 'x' });
      const backend = new TorchBackend(folder);
      const { available, reason } = await backend.probe();
      assert.equal(available, false);
      assert.match(reason, /libtorch_cpu\.so: file too short/);
      await rejects(load(backend), 'INF_BACKEND_UNAVAILABLE', 'file too short');
    });

    test('a libtorch of which one library is cut short', async (t) => {
      const real = (await findWorking(undefined)).working!.place.lib;
      const folder = await makeFolder(t, { 'lib/libc10.so': await readFile(join(real, 'libc10.so')) });
      for (const name of ['libtorch_cpu.so', 'libtorch.so']) await symlink(join(real, name), join(folder, 'lib', name));
      const file = join(folder, 'lib/libc10.so');
      await truncate(file, 100_000);
      const { available, reason, attempts } = await new TorchBackend(folder).probe();
      assert.equal(available, false);
      assert.ok(reason.includes(`${file} is cut short: it has 100000 bytes`), reason);
      assert.equal(attempts.at(-1)!.fix, `${file} is damaged: install libtorch again`);
    });

    test('a libtorch of which a library is cut short that its libraries open', async (t) => {
      const real = (await findWorking(undefined)).working!.place.lib;
      const content = await readFile(join(real, 'libtorch.so'));
      const folder = await makeFolder(t, { 'lib/libinner.so': await readFile(join(real, 'libc10.so')) });
      const file = join(folder, 'lib/libinner.so');
      await truncate(file, 4096);
      for (const name of ['libc10.so', 'libtorch_cpu.so']) await symlink(join(real, name), join(folder, 'lib', name));
      content.write('libinner.so\0', content.indexOf('libtorch_cpu.so\0'), 'latin1');
      await writeFile(join(folder, 'lib/libtorch.so'), content);
      const { available, reason } = await new TorchBackend(folder).probe();
      assert.equal(available, false);
      assert.match(reason, /loading it crashed with SIGBUS: \S+libinner\.so is cut short: it has 4096 bytes/);
      assert.ok(reason.endsWith(`${file} is damaged: install libtorch again`), reason);
    });

    test('a torch backend that the package was published with and has no more', async (t) => {
      const { core, place } = (await findWorking(undefined)).working!;
      const content = await readFile(core);
      const sha256 = createHash('sha256').update(content).digest('hex');
      const name = `infernode_torch-${minorVersion(place.version!)}.glibc.so`;
      const files = { 'infernode.node': { bytes: content.length, sha256 }, [name]: { bytes: 1, sha256 } };
      const folder = await makeFolder(t, {
        'infernode.node': content,
        'infernode_torch-1.0.glibc.so': '',
        'manifest.json': JSON.stringify({ files }),
      });
      process.env.INFERNODE_ADDON = folder;
      const backend = new TorchBackend(place.path);
      const { code, reason } = await backend.probe();
      assert.equal(code, 'INF_BINARY_INVALID');
      assert.ok(reason.includes(`${join(folder, name)} is missing, and was published with the package`), reason);
      await rejects(load(backend), 'INF_BINARY_INVALID', 'install the package infernode again');
    });

    test('a core, or a backend, that is cut short', async (t) => {
      const { core, torch } = (await findWorking(undefined)).working!;
      const addon = process.env.INFERNODE_ADDON;
      for (const cut of ['infernode.node', 'infernode_torch.so']) {
        const folder = await makeFolder(t, {
          'infernode.node': await readFile(core),
          'infernode_torch.so': await readFile(torch),
        });
        await truncate(join(folder, cut), 5000);
        process.env.INFERNODE_ADDON = folder;
        const { available, reason } = await new TorchBackend().probe();
        assert.equal(available, false);
        assert.match(reason, new RegExp(`does not work: .*(${cut}|SIG(BUS|SEGV))`));
        if (addon === undefined) delete process.env.INFERNODE_ADDON;
        else process.env.INFERNODE_ADDON = addon;
      }
    });

    test('a backend that is none', async () => {
      const { core } = (await findWorking(undefined)).working!;
      const result = await probeNative(core, core, []);
      assert.ok(!result.ok);
      assert.match(result.reason, /is not an Infernode backend/);
    });

    test('another libtorch works all the same afterwards', async () => {
      const session = await new TorchBackend().load(fixture('tiny.pt'), 'torchscript', { device: 'cpu', threads: 1 });
      await session.close();
    });
  });
});
