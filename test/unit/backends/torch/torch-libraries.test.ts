import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { TorchLibrary } from '#src/backends/native/addon-folders';
import type { LibtorchPlace } from '#src/backends/torch/find-libtorch';
import { fittingLibraries, minorVersion, versionsOf } from '#src/backends/torch/torch-libraries';
import { makeFolder } from '../../support/files.js';

const library = (origin: string, libtorch: string | null, cuda = false): TorchLibrary => ({
  origin,
  path: `${origin}/${libtorch}${cuda}`,
  libtorch,
  cuda,
});
const place = (version: string | null, lib = '/no/such/folder'): LibtorchPlace => ({
  source: 'test',
  path: lib,
  lib,
  version,
  reason: '',
});

describe('the torch backends for a libtorch', () => {
  const local = library('local build', null);
  const user = library('infernode build', '2.14');
  const old = library('prebuilt', '2.13');
  const next = library('prebuilt', '2.14');
  const all = [local, user, old, next];

  test('are those of its minor version, and those that do not say, in the order of the folders', () => {
    assert.deepEqual(fittingLibraries(all, place('2.13.1+cpu')), [local, old]);
    assert.deepEqual(fittingLibraries(all, place('2.14.1+cu130')), [local, user, next]);
    assert.deepEqual(fittingLibraries(all, place('2.1.4')), [local]);
    assert.deepEqual(fittingLibraries([old, next], place('2.9.0')), []);
  });

  test('are all of them where it does not tell its version', () => {
    assert.deepEqual(fittingLibraries(all, place(null)), all);
  });

  test('with CUDA go first where it has CUDA, and are left out where it has not', async (t) => {
    const cuda = library('prebuilt', '2.14', true);
    const folder = await makeFolder(t as TestContext, { 'libtorch_cuda.so': '' });
    assert.deepEqual(fittingLibraries([next, cuda], place('2.14.1', folder)), [cuda, next]);
    assert.deepEqual(fittingLibraries([next, cuda], place('2.14.1')), [next]);
    assert.deepEqual(fittingLibraries([user, next, cuda], place('2.14.1', folder)), [user, cuda, next]);
  });

  test('are named by version in messages, each once, in order', () => {
    assert.equal(versionsOf([next, old, local, library('x', '2.9'), user]), '2.9, 2.13, 2.14');
    assert.equal(versionsOf([local]), '');
  });
});

test('the minor version of a version', () => {
  assert.deepEqual(['2.13.0+cpu', '2.14.1', 'odd'].map(minorVersion), ['2.13', '2.14', 'odd']);
});
