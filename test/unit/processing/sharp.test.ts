import assert from 'node:assert/strict';
import { readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { sharpStatus } from '#src/processing/sharp';
import { copyPackage } from '../support/package-copy.js';

/** Told by a process of its own: whether a picture can be read, or why not. */
const READ = `
  const { imageToTensor } = await import(process.argv[1]);
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"/>';
  const told = await imageToTensor(Buffer.from(svg)).then(({ shape }) => ({ shape }), ({ code, message }) => ({ code, message }));
  console.log(JSON.stringify(told));`;

/** The package with a sharp of its own, which a test may damage. */
async function packageWithSharp(t: TestContext) {
  const { folder, modules, ask } = await copyPackage(t, ['sharp', '@img']);
  const fileIn = async (name: string, pattern: RegExp) => {
    const lib = join(modules, '@img', name, 'lib');
    return join(lib, (await readdir(lib)).find((file) => pattern.test(file))!);
  };
  return {
    modules,
    addon: await fileIn('sharp-linux-x64', /\.node$/),
    libvips: await fileIn('sharp-libvips-linux-x64', /^libvips-cpp/),
    read: () => ask('--input-type=module', '-e', READ, join(folder, 'dist/processing/image.js')) as Promise<unknown>,
    doctor: () => ask(join(folder, 'dist/cli/main.js'), 'doctor', '--json') as Promise<unknown>,
  };
}

const onLinux = process.platform === 'linux' && process.arch === 'x64';
const skip = onLinux ? false : 'damages the files of sharp for Linux on x64';

describe('a sharp that is damaged', { skip }, () => {
  for (const what of ['addon', 'libvips'] as const) {
    test(`costs no process its life: ${what} cut short`, async (t) => {
      const { [what]: file, read, doctor, modules } = await packageWithSharp(t as TestContext);
      await truncate(file, Math.floor((await stat(file)).size / 3));
      const { code, message } = (await read()) as { code: string; message: string };
      assert.equal(code, 'INF_BACKEND_UNAVAILABLE');
      assert.ok(message.includes(`${file} is cut short`), message);
      const fix = `remove ${join(modules, 'sharp')} and ${join(modules, '@img')}, then npm install sharp`;
      assert.ok(message.endsWith(fix), message);
      const { sharp } = (await doctor()) as { sharp: { available: boolean; reason: string } };
      assert.equal(sharp.available, false);
      assert.ok(sharp.reason.includes(`${file} is cut short`) && sharp.reason.endsWith(fix), sharp.reason);
    });
  }

  test('in a way that only a crash tells', async (t) => {
    const { read, modules } = await packageWithSharp(t as TestContext);
    const { main } = JSON.parse(await readFile(join(modules, 'sharp/package.json'), 'utf8'));
    await writeFile(join(modules, 'sharp', main), 'process.kill(process.pid, "SIGSEGV"); for (;;);');
    const { code, message } = (await read()) as { code: string; message: string };
    assert.equal(code, 'INF_BACKEND_UNAVAILABLE');
    assert.match(message, /sharp does not load: loading it crashed with SIGSEGV; remove /);
  });

  test('unnoticed since it was found to work', async (t) => {
    const { read, addon } = await packageWithSharp(t as TestContext);
    await utimes(addon, 0, 0);
    assert.deepEqual(await read(), { shape: [1, 3, 2, 2] });
    await writeFile(addon, 'no library'.padEnd((await stat(addon)).size));
    await utimes(addon, 0, 0);
    for (let i = 0; i < 2; i++) {
      const { code, message } = (await read()) as { code: string; message: string };
      assert.equal(code, 'INF_BACKEND_UNAVAILABLE');
      assert.match(message, /sharp does not load: .*invalid ELF header.*; remove .*, then npm install sharp$/);
    }
  });
});

test('sharp tells its versions', async () => {
  const { available, reason } = await sharpStatus();
  assert.equal(available, true, reason);
  assert.match(reason, /^sharp \d+\.\d+\.\d+ with libvips \d+\.\d+/);
});
