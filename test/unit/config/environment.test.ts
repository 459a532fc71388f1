import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { environmentHash, libraryVersions } from '#src/config/environment';
import { type SystemInfo, systemInfo } from '#src/config/system-info';
import { repository } from '../../support/test-data.js';

const system = systemInfo();
const versions = { infernode: '1', node: '20', libtorch: '2' };

test('the same machine and libraries have the same hash', () => {
  const again: SystemInfo = JSON.parse(JSON.stringify(system));
  assert.equal(environmentHash(again, { ...versions }), environmentHash(system, versions));
  assert.match(environmentHash(system, versions), /^[0-9a-f]{32}$/);
});

test('what figures depend on changes the hash', () => {
  const others: [SystemInfo, Record<string, string>][] = [
    [{ ...system, cores: system.cores + 1 }, versions],
    [{ ...system, arch: 'other' }, versions],
    [{ ...system, platform: 'other' }, versions],
    [{ ...system, cpu: { ...system.cpu, model: 'other' } }, versions],
    [{ ...system, cpu: { ...system.cpu, features: [] } }, versions],
    [system, { ...versions, libtorch: '3' }],
    [system, { ...versions, node: '22' }],
    [system, { infernode: '1', node: '20' }],
  ];
  const hashes = [[system, versions] as const, ...others].map(([machine, each]) => environmentHash(machine, each));
  assert.equal(new Set(hashes).size, hashes.length);
});

test('what they do not depend on does not', () => {
  const other = { ...system, memoryBytes: 1, threads: 99 };
  assert.equal(environmentHash(other, versions), environmentHash(system, versions));
});

test('the versions are those of the package, of Node.js and of the runtimes', async () => {
  const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
  const backends = [
    { name: 'torch', version: null },
    { name: 'onnx', version: '1.2.3' },
  ];
  assert.deepEqual(libraryVersions(backends), {
    infernode: version,
    node: process.versions.node,
    libtorch: 'none',
    onnxruntime: '1.2.3',
  });
});
