import assert from 'node:assert/strict';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, type TestContext, test } from 'node:test';
import { findLibtorch, type LibtorchPlace, librariesOf } from '#src/backends/torch/find-libtorch';
import { restoreVariables } from '../../support/environment.js';
import { makeFolder } from '../../support/files.js';

const VARIABLES = ['INFERNODE_LIBTORCH', 'LIBTORCH', 'PATH'] as const;
restoreVariables(VARIABLES);
const home = process.cwd();
const path = process.env.PATH;

/** Nothing is named, and there is no python3. */
beforeEach(() => {
  for (const name of VARIABLES) delete process.env[name];
  process.env.PATH = join(home, 'no-such-folder');
});

afterEach(() => process.chdir(home));

async function all(option?: string): Promise<LibtorchPlace[]> {
  const places: LibtorchPlace[] = [];
  for await (const place of findLibtorch(option)) places.push(place);
  return places;
}

/** A folder with a libtorch in `at`, which has these files besides. */
const libtorch = (t: TestContext, at: string, files: Record<string, string> = {}) =>
  makeFolder(t, {
    [`${at}/lib/libtorch_cpu.so`]: '',
    ...Object.fromEntries(Object.entries(files).map(([name, content]) => [`${at}/${name}`, content])),
  });

describe('a place that the user names', () => {
  test('ends the search: the option, then INFERNODE_LIBTORCH, then LIBTORCH', async (t) => {
    const folder = await libtorch(t, 'a');
    process.env.LIBTORCH = join(folder, 'a');
    const sources = async (option?: string) => (await all(option)).map(({ source }) => source);
    assert.deepEqual(await sources(), ['LIBTORCH']);
    process.env.INFERNODE_LIBTORCH = join(folder, 'none');
    assert.deepEqual(await sources(), ['INFERNODE_LIBTORCH'], 'a wrong one is no reason to go on');
    assert.deepEqual(await sources(join(folder, 'a')), ['option libtorch']);
  });

  test('is a folder with lib/, or the folder of the libraries itself', async (t) => {
    const folder = await libtorch(t, 'a');
    const lib = join(folder, 'a', 'lib');
    for (const path of [join(folder, 'a'), lib]) assert.equal((await all(path))[0]!.lib, lib);
  });

  test('that has no libtorch says so', async (t) => {
    const folder = await makeFolder(t, { 'lib/other.so': '' });
    const [wrong] = await all(folder);
    assert.deepEqual([wrong!.lib, wrong!.path, wrong!.reason], [null, folder, 'no lib/libtorch_cpu.so in it']);
    const [missing] = await all(join(folder, 'gone'));
    assert.deepEqual([missing!.lib, missing!.reason], [null, 'no such folder']);
    assert.equal(missing!.fix, 'correct the option libtorch, or leave it out');
    process.env.INFERNODE_LIBTORCH = folder;
    assert.equal((await all())[0]!.fix, 'correct INFERNODE_LIBTORCH, or unset it');
  });

  test('that is the folder around a libtorch says which one it is', async (t) => {
    for (const name of ['torch', 'libtorch']) {
      const folder = await libtorch(t, name);
      const [place] = await all(folder);
      assert.deepEqual([place!.lib, place!.fix], [null, `name ${join(folder, name)} instead, which is a libtorch`]);
    }
  });

  test('with an empty variable is not named', async () => {
    process.env.INFERNODE_LIBTORCH = '';
    assert.ok((await all('')).length > 1);
  });
});

describe('the search', () => {
  test('goes from .libtorch to python3 to known folders', async (t) => {
    process.chdir(await makeFolder(t, {}));
    const places = await all();
    const sources = places.map(({ source }) => source);
    const known = Array(2).fill('known folder');
    assert.deepEqual(sources, ['.libtorch', '.libtorch', 'python3', ...known]);
    assert.deepEqual(
      places.slice(3).map(({ path }) => path),
      ['/usr/local/libtorch', '/usr/lib/libtorch'],
    );
    assert.equal(places[2]!.reason, 'there is no python3 on PATH');
  });

  test('finds .libtorch in the working folder before anything else', async (t) => {
    const folder = await libtorch(t, '.libtorch');
    process.chdir(folder);
    const [first] = await all();
    assert.deepEqual([first!.source, first!.lib], ['.libtorch', join(process.cwd(), '.libtorch', 'lib')]);
  });

  test('asks python3 for its torch, without importing it', async (t) => {
    const folder = await libtorch(t, 'site/torch', { 'version.py': "__version__ = '9.8.7+cpu'\n" });
    await mkdir(join(folder, 'bin'));
    const bin = await makeFolder(t, { python3: `#!/bin/sh\n[ "$1" = -c ] && echo '${folder}/site/torch'\n` });
    await chmod(join(bin, 'python3'), 0o755);
    process.env.PATH = `${bin}:${path}`;
    const python = (await all()).find(({ source }) => source === 'python3')!;
    assert.deepEqual([python.lib, python.version], [join(folder, 'site/torch/lib'), '9.8.7+cpu']);
  });
});

describe('the version', () => {
  const forms: [string, Record<string, string>, string | null][] = [
    ['that the download wrote down', { 'source.json': '{"version": "1.2.3+cpu"}' }, '1.2.3+cpu'],
    ['of the official archive', { 'build-version': '1.2.4\n' }, '1.2.4'],
    ['of the Python package', { 'version.py': "debug = False\n__version__ = '1.2.5'\n" }, '1.2.5'],
    ['that nobody wrote down', {}, null],
    ['that is missing where it should stand', { 'source.json': '{}' }, null],
  ];
  for (const [what, files, version] of forms) {
    test(what, async (t) => {
      const [place] = await all(join(await libtorch(t, 'a', files), 'a'));
      assert.equal(place!.version, version);
      assert.equal(place!.reason, `libtorch ${version ?? 'of unknown version'}`);
    });
  }

  test('in a file that is damaged', async (t) => {
    for (const content of ['not json', 'null']) {
      const [place] = await all(join(await libtorch(t, 'a', { 'source.json': content }), 'a'));
      assert.equal(place!.version, null);
    }
  });
});

test('libraries come in the order in which they are opened, the missing ones left out', async (t) => {
  const files = ['libtorch.so', 'libtorch_cpu.so', 'libc10.so', 'libother.so'];
  const folder = await makeFolder(t, Object.fromEntries(files.map((name) => [name, ''])));
  const order = ['libc10.so', 'libtorch_cpu.so', 'libtorch.so'].map((name) => join(folder, name));
  assert.deepEqual(librariesOf(folder), order);
  assert.deepEqual(librariesOf(join(folder, 'gone')), []);
});
