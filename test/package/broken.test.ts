import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { copyOfApp, libtorch, needsPackage, runIn, runWith } from '../support/installed-package.js';
import { fixture, needsTorch } from '../support/torch.js';
import { makeFolder } from '../unit/support/files.js';

const AARCH64 = 183;
const SYSTEM_LIBGOMP = '/usr/lib/x86_64-linux-gnu/libgomp.so.1';
const numbers = ['1', '2.5'];
const torchAnswer = `${JSON.stringify({ backend: 'torch', output: [3, 6] })}\n`;

/** A model folder that either backend could run. */
async function bothFormats(t: TestContext): Promise<string> {
  return makeFolder(t, {
    '1/model.pt': readFileSync(fixture('tiny.pt')),
    '1/model.onnx': readFileSync(fixture('tiny.onnx')),
  });
}

/** Loads the TorchScript model, then the folder with both files, and tells what came of it: check.mjs MODEL FOLDER */
const CHECK = `
  import { listBackends, load, Tensor } from 'infernode';
  const [model, folder] = process.argv.slice(2);
  const { code, message } = await load(model).then(() => ({}), (error) => error);
  const both = await load(folder);
  const { output } = await both.run([new Tensor('float32', Float32Array.of(1, 2.5))]);
  const { attempts } = (await listBackends()).find(({ name }) => name === 'torch');
  console.log(JSON.stringify({ code, message, backend: both.info.backend, output: output.toArray(), attempts }));
  await both.close();`;

/** The TorchScript model fails with this code and message; the folder with both files runs in the onnx backend. */
async function fallsBack(t: TestContext, app: string, env: Record<string, string>, code: string, message: RegExp) {
  writeFileSync(join(app, 'check.mjs'), CHECK);
  const { out, ...ended } = await runIn(t, app, ['check.mjs', fixture('tiny.pt'), await bothFormats(t)], env);
  assert.deepEqual(ended, { code: 0, err: '' });
  const told = JSON.parse(out);
  assert.deepEqual([told.code, told.backend, told.output], [code, 'onnx', [3, 6]], told.message);
  assert.match(told.message, message);
  assert.ok(told.attempts.some(({ ok }: { ok: boolean }) => !ok));
}

/** A libtorch of links to the real one, without some files and with others instead. */
async function libtorchWith(t: TestContext, leftOut: RegExp, files: Record<string, string | Uint8Array> = {}) {
  const folder = await makeFolder(t, files);
  mkdirSync(join(folder, 'lib'), { recursive: true });
  for (const name of readdirSync(join(libtorch, 'lib'))) {
    const link = join(folder, 'lib', name);
    if (!leftOut.test(name) && !existsSync(link)) await symlink(join(libtorch, 'lib', name), link);
  }
  return folder;
}

/** The same file for another processor. */
function forAarch64(path: string): Buffer {
  const content = readFileSync(path);
  content.writeUInt16LE(AARCH64, 18);
  return content;
}

const skip = needsPackage || needsTorch;

describe('a libtorch that does not serve: a reason, what to do, and the onnx backend', { skip }, () => {
  const cases: [name: string, make: (t: TestContext) => Promise<string>, message: RegExp][] = [
    [
      'is gone',
      async (t) => join(await makeFolder(t, {}), 'gone'),
      /gone \(libtorch \(INFERNODE_LIBTORCH\)\): no such folder/,
    ],
    [
      'is of a version that no binary is for',
      (t) => libtorchWith(t, /^$/, { 'build-version': '2.9.1\n' }),
      /libtorch 2\.9\.1 does not work: the torch backends here are for libtorch 2\.\d+.*; run "npx infernode build"/,
    ],
    [
      'is for another processor',
      (t) => libtorchWith(t, /^libtorch_cpu/, { 'lib/libtorch_cpu.so': forAarch64(join(libtorch, 'lib/libc10.so')) }),
      /libtorch_cpu\.so is built for arm64, and this is x64; get the one for this processor/,
    ],
    [
      'is cut short',
      (t) =>
        libtorchWith(t, /^libtorch_cpu/, {
          'lib/libtorch_cpu.so': readFileSync(join(libtorch, 'lib/libtorch_cpu.so')).subarray(0, 10),
        }),
      /libtorch_cpu\.so: file too short.*libtorch_cpu\.so is damaged: install libtorch again/,
    ],
  ];
  for (const [name, make, message] of cases) {
    test(name, async (t) => {
      const { app } = await copyOfApp(t as TestContext);
      const env = { INFERNODE_LIBTORCH: await make(t as TestContext) };
      await fallsBack(t as TestContext, app, env, 'INF_BACKEND_UNAVAILABLE', message);
    });
  }

  test('lacks libgomp', async (t) => {
    const folder = await makeFolder(t as TestContext, {});
    mkdirSync(join(folder, 'lib'));
    // Copies: through a link, $ORIGIN is the folder of the real file, where libgomp lies.
    for (const name of ['libc10.so', 'libtorch_cpu.so', 'libtorch.so']) {
      copyFileSync(join(libtorch, 'lib', name), join(folder, 'lib', name));
    }
    const env = { INFERNODE_LIBTORCH: folder };
    const { app, installed } = await copyOfApp(t as TestContext);
    if (existsSync(SYSTEM_LIBGOMP)) {
      // That of the system does as well, so a name that no system has is asked for.
      const ended = await runIn(t as TestContext, app, ['run.mjs', fixture('tiny.pt'), ...numbers], env);
      assert.deepEqual(ended, { code: 0, out: torchAnswer, err: '' });
      const path = join(folder, 'lib/libtorch_cpu.so');
      const at = readFileSync(path).indexOf('libgomp.so.1\0');
      assert.ok(at > 0);
      const file = openSync(path, 'r+');
      writeSync(file, 'libgompX.so.', at, 'latin1');
      closeSync(file);
    }
    const message = /libgomp\S*: cannot open shared object file.*; install libgomp/;
    await fallsBack(t as TestContext, app, env, 'INF_BACKEND_UNAVAILABLE', message);
    const doctor = await runIn(t as TestContext, app, [join(installed, 'dist/cli/main.js'), 'doctor'], env);
    assert.match(doctor.out, /torch: unavailable/);
    assert.match(doctor.out, /onnx .*works/);
    assert.match(doctor.out, /fix: install libgomp \(Debian and Ubuntu: apt-get install libgomp1\)/);
  });
});

describe('binaries of the package that were changed are refused, and the onnx backend serves', { skip }, () => {
  const torchName = (native: string) => readdirSync(native).find((name) => name.startsWith('infernode_torch'))!;
  const coreName = (native: string) => readdirSync(native).find((name) => name.endsWith('.node'))!;
  const cases: [name: string, damage: (native: string) => void, message: RegExp][] = [
    [
      'a core that is cut short',
      (native) => truncateSync(join(native, coreName(native)), 5000),
      /infernode\.glibc\.node is not the file that was published: it has 5000 bytes/,
    ],
    [
      'a torch backend that is cut short',
      (native) => truncateSync(join(native, torchName(native)), 5000),
      /infernode_torch-\S+ is not the file that was published: it has 5000 bytes/,
    ],
    [
      'a torch backend with one other byte',
      (native) => {
        const path = join(native, torchName(native));
        const content = readFileSync(path);
        content[content.length - 1]! ^= 1;
        writeFileSync(path, content);
      },
      /infernode_torch-\S+ is not the file that was published: its sha256 is another; install the package/,
    ],
    [
      'a core that is missing',
      (native) => rmSync(join(native, coreName(native))),
      /infernode\.glibc\.node is missing, and was published with the package; install the package/,
    ],
    [
      'a torch backend that is missing',
      (native) => rmSync(join(native, torchName(native))),
      /infernode_torch-\S+ is missing, and was published with the package; install the package/,
    ],
    [
      'a manifest that is none',
      (native) => writeFileSync(join(native, 'manifest.json'), 'no'),
      /manifest\.json cannot be read/,
    ],
  ];
  for (const [name, damage, message] of cases) {
    test(name, async (t) => {
      const { app, native } = await copyOfApp(t as TestContext);
      damage(native);
      await fallsBack(t as TestContext, app, { INFERNODE_LIBTORCH: libtorch }, 'INF_BINARY_INVALID', message);
    });
  }

  test('a local build that is cut short gives way to the binaries of the package', async (t) => {
    const { app, installed, native } = await copyOfApp(t as TestContext);
    mkdirSync(join(installed, 'build/Release'), { recursive: true });
    writeFileSync(
      join(installed, 'build/Release/infernode.node'),
      readFileSync(join(native, coreName(native))).subarray(0, 5000),
    );
    writeFileSync(join(installed, 'build/Release/infernode_torch.so'), 'no library');
    const env = { INFERNODE_LIBTORCH: libtorch };
    const ended = await runIn(t as TestContext, app, ['run.mjs', fixture('tiny.pt'), ...numbers], env);
    assert.deepEqual(ended, { code: 0, out: torchAnswer, err: '' });
    const doctor = await runIn(t as TestContext, app, [join(installed, 'dist/cli/main.js'), 'doctor'], env);
    assert.match(doctor.out, /tried {2}add-on \(local build\).*\n {2,}does not work: .*\n {2,}fix: \S+ is damaged/);
    assert.match(doctor.out, /tried {2}libtorch .* with the torch backend \(local build\)/);
    assert.match(doctor.out, /found {2}libtorch .* with the torch backend \(prebuilt\)/);
  });

  test('a build of another processor is told by its header', async (t) => {
    const { app, native } = await copyOfApp(t as TestContext);
    const folder = await makeFolder(t as TestContext, { 'infernode.node': forAarch64(join(native, coreName(native))) });
    const env = { INFERNODE_LIBTORCH: libtorch, INFERNODE_ADDON: folder };
    await fallsBack(
      t as TestContext,
      app,
      env,
      'INF_BACKEND_UNAVAILABLE',
      /infernode\.node is built for arm64, and this is x64/,
    );
  });
});

const needsUnshare = process.getuid?.() === 0 ? false : 'only root can mount';

describe('a read-only file system', { skip: skip || needsUnshare }, () => {
  test('costs nothing but the memory of what was found', async (t) => {
    const { app } = await copyOfApp(t as TestContext);
    chmodSync(app, 0o755);
    const script =
      'for at in / "$0"; do mount --bind -o ro "$at" "$at" && mount -o remount,ro,bind "$at"; done; cd "$0"; exec "$@"';
    const args = ['--mount', 'sh', '-c', script, app, process.execPath, 'run.mjs', fixture('tiny.pt'), ...numbers];
    const env = { PATH: process.env.PATH ?? '', HOME: app, INFERNODE_LIBTORCH: libtorch };
    const probe = await runWith(
      'unshare',
      [
        '--mount',
        'sh',
        '-c',
        'mount --bind -o ro "$0" "$0" && mount -o remount,ro,bind "$0" && ! touch "$0/written" 2>&1',
        app,
      ],
      app,
      env,
    );
    if (probe.code !== 0) return t.skip('no mounts are allowed here');
    const ended = await runWith('unshare', args, app, env);
    assert.deepEqual(ended, { code: 0, out: torchAnswer, err: '' });
    assert.ok(!existsSync(join(app, '.cache')), 'nothing was written');
  });
});

describe('infernode build', { skip: needsPackage }, () => {
  test('names what is missing', async (t) => {
    const { app, installed } = await copyOfApp(t as TestContext);
    const cli = join(installed, 'dist/cli/main.js');
    const run = (folder: string) => runIn(t as TestContext, app, [cli, 'build', '--libtorch', folder, '--json']);
    const gone = JSON.parse((await run('/no/such/libtorch')).out).error;
    assert.equal(gone.code, 'INF_BUILD_FAILED');
    assert.match(gone.message, /No libtorch to build for: \/no\/such\/libtorch: no such folder/);
    const bare = await makeFolder(t as TestContext, { 'lib/libtorch_cpu.so': '', 'build-version': '2.13.0' });
    assert.match(JSON.parse((await run(bare)).out).error.message, /has no include\/torch\/script\.h/);
    mkdirSync(join(bare, 'include/torch'), { recursive: true });
    writeFileSync(join(bare, 'include/torch/script.h'), '');
    const { message } = JSON.parse((await run(bare)).out).error;
    assert.match(message, /lacks cmake 3\.20 or newer, a C\+\+20 compiler .*, ninja or make; on Debian/);
    const cuda = await runIn(t as TestContext, app, [cli, 'build', '--libtorch', bare, '--cuda', '/usr', '--json']);
    assert.match(JSON.parse(cuda.out).error.message, /is a libtorch for the CPU/);
  });

  test('ends its compilers and removes its files when it is interrupted', async (t) => {
    const { app, installed } = await copyOfApp(t as TestContext);
    const scratch = await makeFolder(t as TestContext, {});
    const child = spawn(process.execPath, [join(installed, 'dist/cli/main.js'), 'build', '--libtorch', libtorch], {
      cwd: app,
      env: { ...process.env, TMPDIR: scratch },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let printed = '';
    for await (const text of child.stderr.setEncoding('utf8')) {
      // The compilers begin.
      if (text.includes('Build files have been written')) setTimeout(() => child.kill('SIGINT'), 1000);
      printed += text;
    }
    // It ends after its compilers, whose output it reads.
    if (child.exitCode === null) await once(child, 'exit');
    assert.equal(child.exitCode, 1, printed);
    assert.match(printed, /The build was aborted.*INF_ABORTED/);
    assert.deepEqual(readdirSync(scratch), []);
  });
});
