import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type ModelSource, resolveVersion, selectVersions } from '#src/models/repository/model-source';
import { Repository } from '#src/models/repository/repository';
import { assertCode, rejects } from '../../../support/expect-error.js';
import { makeFolder } from '../../support/files.js';
import { AOTINDUCTOR, ONNX, TORCHSCRIPT } from '../samples.js';

const scan = (folder: string, models = {}) => new Repository(folder, models).scan();
const versionsOf = ({ versions }: ModelSource) => versions.map(({ version }) => version);

async function one(folder: string, name: string): Promise<ModelSource> {
  const source = await new Repository(folder, {}).find(name);
  assert.ok(source !== null, `no ${name}`);
  return source;
}

const resolve = (source: ModelSource, index = 0) =>
  resolveVersion(source.versions[index]!, ['torchscript', 'aotinductor', 'onnx']);

describe('layouts', () => {
  test('version folders, model folders and plain files', async (t) => {
    const folder = await makeFolder(t, {
      'many/1/model.pt': TORCHSCRIPT,
      'many/10/model.onnx': ONNX,
      'many/9/model.pt2': AOTINDUCTOR,
      'many/007/model.pt': TORCHSCRIPT,
      'many/0/model.pt': TORCHSCRIPT,
      'many/-1/model.pt': TORCHSCRIPT,
      'many/1.5/model.pt': TORCHSCRIPT,
      'many/next/model.pt': TORCHSCRIPT,
      'many/99999999999999999999/model.pt': TORCHSCRIPT,
      'many/11': 'a file',
      'flat/model.onnx': ONNX,
      '5/model.pt': TORCHSCRIPT,
      'plain.onnx': ONNX,
      'plain.pt': TORCHSCRIPT,
      'plain.v2.pt': TORCHSCRIPT,
      'README.md': 'no model',
      '.git/model.pt': TORCHSCRIPT,
      '.hidden.pt': TORCHSCRIPT,
    });
    const sources = await scan(folder);
    assert.deepEqual(
      sources.map((source) => [source.name, versionsOf(source), source.problem]),
      [
        ['5', [1], null],
        ['flat', [1], null],
        ['many', [1, 9, 10], null],
        ['plain', [1], null],
        ['plain.v2', [1], null],
      ],
    );
    const plain = await resolve(sources[3]!);
    assert.deepEqual(
      plain.candidates.map(({ file }) => file),
      [join(folder, 'plain.pt'), join(folder, 'plain.onnx')],
    );
    assert.equal((await resolve(sources[2]!, 2)).candidates[0]!.format, 'onnx');
  });

  test('settings of the model, of a version, and beside a plain file', async (t) => {
    const folder = await makeFolder(t, {
      'model.json': '{"threads": 9}',
      '5/model.pt': TORCHSCRIPT,
      'net/model.json': '\uFEFF{"versions": "all", "threads": 2, "processing": {"labels": "labels.txt"}}',
      'net/labels.txt': 'cat\ndog\n',
      'net/1/model.onnx': ONNX,
      'net/2/model.onnx': ONNX,
      'net/2/model.json': '{"threads": 3}',
      'plain.onnx': ONNX,
      'plain.json': '{"threads": 4}',
      'text.onnx': ONNX,
      'text.json': '{"tokens": ["a"]}',
    });
    const net = await one(folder, 'net');
    assert.equal(net.selection, 'all');
    assert.deepEqual((await resolve(net)).config, {
      versions: 'all',
      threads: 2,
      processing: { labels: ['cat', 'dog'] },
    });
    assert.deepEqual((await resolve(net, 1)).config, { threads: 3 });
    assert.deepEqual((await resolve(await one(folder, 'plain'))).config, { threads: 4 });
    assert.equal((await resolve(await one(folder, 'text'))).config, null);
    // A model called 5 is no version 5 of the repository.
    assert.equal((await resolve(await one(folder, '5'))).config, null);
  });

  test('models by path, from anywhere, come first', async (t) => {
    const folder = await makeFolder(t, { 'net.pt': TORCHSCRIPT, 'other/3/model.onnx': ONNX, 'file.onnx': ONNX });
    const models = { net: join(folder, 'other'), b: join(folder, 'file.onnx'), gone: join(folder, 'gone') };
    const sources = await scan(folder, models);
    assert.deepEqual(
      sources.map((source) => [source.name, source.path, versionsOf(source)]),
      [
        ['b', join(folder, 'file.onnx'), [1]],
        ['file', join(folder, 'file.onnx'), [1]],
        ['gone', join(folder, 'gone'), []],
        ['net', join(folder, 'other'), [3]],
        ['other', join(folder, 'other'), [3]],
      ],
    );
    assertCode(sources[2]!.problem, 'INF_MODEL_NOT_FOUND', 'does not exist');
  });

  test('what is no model says why, and stops nobody', async (t) => {
    const folder = await makeFolder(t, {
      'empty/notes.txt': '',
      'broken/model.json': '{',
      'broken/1/model.onnx': ONNX,
      'wrong/model.json': '{"versions": "newest"}',
      'wrong/model.onnx': ONNX,
      'half/model.json': '{}',
      'both/model.onnx': ONNX,
      'both.onnx': ONNX,
      'a..b/model.onnx': ONNX,
      'line\nbreak.onnx': ONNX,
      'good.onnx': ONNX,
    });
    const sources = await scan(folder);
    const told = Object.fromEntries(sources.map(({ name, problem, isModel }) => [name, [problem, isModel] as const]));
    assertCode(told.empty![0], 'INF_MODEL_NOT_FOUND', 'has no version folder and none of model.pt');
    assert.equal(told.empty![1], false);
    assertCode(told.broken![0], 'INF_MODEL_CONFIG', 'is not JSON');
    assert.equal(told.broken![1], true);
    assertCode(told.wrong![0], 'INF_MODEL_CONFIG', 'versions must be "latest", "all"');
    assertCode(told.half![0], 'INF_MODEL_NOT_FOUND');
    assert.equal(told.half![1], true);
    assertCode(told.both![0], 'INF_MODEL_NOT_FOUND', 'a folder and a file');
    assertCode(told['a..b']![0], 'INF_MODEL_NOT_FOUND', 'its name has ".."');
    assertCode(told['line\\nbreak']![0], 'INF_MODEL_NOT_FOUND', 'control characters');
    assert.equal(told.good![0], null);
  });

  test('a version folder without a model', async (t) => {
    const folder = await makeFolder(t, { 'net/1/model.onnx': ONNX, 'net/2/notes.txt': '' });
    const net = await one(folder, 'net');
    assert.deepEqual(versionsOf(net), [1, 2]);
    await rejects(resolve(net, 1), 'INF_MODEL_NOT_FOUND', 'Version 2', 'holds none of');
  });

  test('a repository that cannot be read', async (t) => {
    const folder = await makeFolder(t, { file: '' });
    await rejects(scan(join(folder, 'gone')), 'INF_MODEL_NOT_FOUND', 'cannot be read');
    await rejects(scan(join(folder, 'file')), 'INF_MODEL_NOT_FOUND', 'cannot be read');
  });

  test('two thousand models and a folder of two thousand files', async (t) => {
    const folder = await makeFolder(t, {});
    await mkdir(join(folder, 'full', '1'), { recursive: true });
    for (let i = 0; i < 2000; i++) await writeFile(join(folder, `m${i}.onnx`), ONNX);
    for (let i = 0; i < 2000; i++) await writeFile(join(folder, 'full', '1', `f${i}`), '');
    assert.equal((await scan(folder)).length, 2001);
  });
});

describe('finding one model', () => {
  test('nothing but a name of the repository is found', async (t) => {
    const folder = await makeFolder(t, { 'repo/net.onnx': ONNX, 'secret.onnx': ONNX, 'repo/.h.onnx': ONNX });
    const repository = new Repository(join(folder, 'repo'), {});
    for (const name of [
      'secret',
      '../secret',
      '..',
      '.',
      '',
      'net.onnx',
      './net',
      'net/',
      '.h',
      'net\0',
      '__proto__',
    ]) {
      assert.equal(await repository.find(name), null, name);
    }
    assert.equal((await repository.find('net'))?.name, 'net');
  });
});

describe('links', () => {
  test('that lead out are refused, wherever they stand', async (t) => {
    const folder = await makeFolder(t, {
      'out/1/model.onnx': ONNX,
      'out/model.json': '{"threads": 1}',
      'out/labels.txt': 'secret',
      'out.onnx': ONNX,
      'repo-twin/model.onnx': ONNX,
      'repo/file/1/notes.txt': '',
      'repo/config/1/model.onnx': ONNX,
      'repo/labels/1/model.onnx': ONNX,
      'repo/labels/model.json': '{"processing": {"labels": "labels.txt"}}',
      'repo/dots/1/model.onnx': ONNX,
      'repo/dots/model.json': '{"processing": {"labels": "../../out/labels.txt"}}',
      'repo/version/1/model.onnx': ONNX,
    });
    const repo = join(folder, 'repo');
    const out = (path: string) => join(folder, 'out', path);
    await symlink(out(''), join(repo, 'folder'));
    await symlink(join(folder, 'repo-twin'), join(repo, 'twin'));
    await symlink(join(folder, 'out.onnx'), join(repo, 'plain.onnx'));
    await symlink(out('1/model.onnx'), join(repo, 'file/1/model.onnx'));
    await symlink(out('model.json'), join(repo, 'config/model.json'));
    await symlink(out('labels.txt'), join(repo, 'labels/labels.txt'));
    await symlink(out('1'), join(repo, 'version/2'));
    for (const name of ['folder', 'twin', 'config']) {
      assertCode((await one(repo, name)).problem, 'INF_MODEL_UNSAFE', 'leads out of the repository');
    }
    for (const name of ['plain', 'file', 'labels', 'dots']) {
      await rejects(resolve(await one(repo, name)), 'INF_MODEL_UNSAFE', 'leads out of the repository');
    }
    await rejects(resolve(await one(repo, 'version'), 1), 'INF_MODEL_UNSAFE', 'leads out of the repository');
  });

  test('within the repository are fine, and so is a link to the repository', async (t) => {
    const folder = await makeFolder(t, { 'repo/net/1/model.onnx': ONNX, 'repo/.blobs/a': ONNX });
    await symlink(join(folder, 'repo'), join(folder, 'current'));
    await symlink('net', join(folder, 'repo/alias'));
    await mkdir(join(folder, 'repo/cached/1'), { recursive: true });
    await symlink('../../.blobs/a', join(folder, 'repo/cached/1/model.onnx'));
    for (const name of ['net', 'alias', 'cached']) {
      assert.equal((await resolve(await one(join(folder, 'current'), name))).candidates.length, 1);
    }
  });

  test('in circles and to nowhere', async (t) => {
    const folder = await makeFolder(t, { 'net/1/model.onnx': ONNX });
    await symlink('loop', join(folder, 'loop'));
    await symlink('nowhere', join(folder, 'gone.onnx'));
    await symlink('.', join(folder, 'net/1/self'));
    const sources = await scan(folder);
    assert.deepEqual(
      sources.map(({ name }) => name),
      ['gone', 'net'],
    );
    await rejects(resolve(sources[0]!), 'INF_MODEL_NOT_FOUND', 'There is no');
    assert.equal((await resolve(sources[1]!)).candidates.length, 1);
  });

  test('pipes are not waited for', async (t) => {
    const folder = await makeFolder(t, {
      'labels/model.json': '{"processing": {"labels": "pipe"}}',
      'labels/model.onnx': ONNX,
      'config/model.onnx': ONNX,
    });
    for (const path of ['labels/pipe', 'config/model.json', 'pipe.onnx']) execFileSync('mkfifo', [join(folder, path)]);
    await rejects(resolve(await one(folder, 'labels')), 'INF_MODEL_CONFIG', 'is no regular file');
    assertCode((await one(folder, 'config')).problem, 'INF_MODEL_CONFIG', 'is no regular file');
    await rejects(resolve(await one(folder, 'pipe')), 'INF_MODEL_FORMAT', 'is not a regular file');
  });
});

describe('stamps', () => {
  const FILES = {
    'net/1/model.onnx': ONNX,
    'net/1/data/weights.bin': 'weights',
    'net/2/model.onnx': ONNX,
    'net/model.json': '{"processing": {"labels": "labels.txt"}}',
    'net/labels.txt': 'a\nb',
    'plain.onnx': ONNX,
    'plain.onnx.data': 'weights',
    'plainer.onnx': ONNX,
  };

  /** Which versions of which models change with this. */
  async function changed(folder: string, change: () => Promise<unknown>): Promise<string[]> {
    const stamps = async () =>
      (await scan(folder)).flatMap(({ name, versions }) =>
        versions.map(({ version, stamp }) => [`${name}/${version}`, stamp] as const),
      );
    const before = new Map(await stamps());
    await change();
    return (await stamps()).filter(([key, stamp]) => before.get(key) !== stamp).map(([key]) => key);
  }

  test('change with every file that counts, and no other', async (t) => {
    const folder = await makeFolder(t, FILES);
    const append = (path: string) => () => appendFile(join(folder, path), ' ');
    assert.deepEqual(await changed(folder, async () => undefined), []);
    assert.deepEqual(await changed(folder, append('net/1/model.onnx')), ['net/1']);
    assert.deepEqual(await changed(folder, append('net/1/data/weights.bin')), ['net/1']);
    assert.deepEqual(await changed(folder, append('net/labels.txt')), ['net/1', 'net/2']);
    assert.deepEqual(await changed(folder, append('plain.onnx.data')), ['plain/1']);
    assert.deepEqual(await changed(folder, append('net/model.json')), [], 'a blank says nothing new');
    assert.deepEqual(await changed(folder, () => utimes(join(folder, 'plain.onnx'), 1, 1)), ['plain/1']);
    const replaced = join(folder, 'new');
    const replace = async () => {
      await writeFile(replaced, ONNX);
      await utimes(replaced, 1, 1);
      await rename(replaced, join(folder, 'plain.onnx'));
    };
    assert.deepEqual(await changed(folder, replace), ['plain/1'], 'same size and time, another file');
    const settings = (text: string) => () => writeFile(join(folder, 'net/model.json'), text);
    assert.deepEqual(await changed(folder, settings('{"threads": 1}')), ['net/1', 'net/2']);
    assert.deepEqual(await changed(folder, settings('{"threads": 1, "versions": "all"}')), []);
    assert.deepEqual(await changed(folder, () => rm(join(folder, 'net/2'), { recursive: true })), []);
  });
});

test('the selection of versions', () => {
  assert.deepEqual(selectVersions([1, 3, 9], 'latest'), [9]);
  assert.deepEqual(selectVersions([1, 3, 9], 'all'), [1, 3, 9]);
  assert.deepEqual(selectVersions([1, 3, 9], { latest: 2 }), [3, 9]);
  assert.deepEqual(selectVersions([1, 3, 9], { latest: 5 }), [1, 3, 9]);
  assert.deepEqual(selectVersions([1, 3, 9], [1, 4]), [1, 4]);
  assert.deepEqual(selectVersions([], 'latest'), []);
});
