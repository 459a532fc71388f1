import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type { BackendStatus } from '#src/backends/backend';
import { onnxBackend } from '#src/backends/onnx/backend';

/** A copy of the compiled probe where its packages are not: what it finds is what a test puts there. */
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-probe-'));
  await writeFile(join(folder, 'package.json'), '{"name": "infernode", "type": "module"}');
  for (const name of ['errors', 'config/package-root', 'backends/onnx/probe', 'backends/onnx/runtime']) {
    await cp(fileURLToPath(import.meta.resolve(`#src/${name}`)), join(folder, 'dist', `${name}.js`));
  }
});

after(() => rm(folder, { recursive: true }));

async function probe(): Promise<BackendStatus> {
  const module = pathToFileURL(join(folder, 'dist', 'backends', 'onnx', 'probe.js')).href;
  const script = `import(${JSON.stringify(module)})
    .then(({ probeRuntime }) => probeRuntime())
    .then((status) => process.stdout.write(JSON.stringify(status)))`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', script]);
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

async function install(main: string): Promise<void> {
  const place = join(folder, 'node_modules', 'onnxruntime-node');
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'package.json'), '{"version": "1.2.3"}');
  await writeFile(join(place, 'index.js'), main);
}

test('tells version and place, and is made once', async () => {
  const status = await onnxBackend.probe();
  assert.deepEqual([status.available, status.devices, status.formats], [true, ['cpu'], ['onnx']]);
  assert.match(status.version!, /^\d+\.\d+\.\d+/);
  assert.equal(await onnxBackend.probe(), status);
});

test('names the missing package and how to install it', async () => {
  const { available, version, reason } = await probe();
  assert.deepEqual([available, version], [false, null]);
  assert.match(
    reason,
    /onnxruntime-node is not installed.*npm install onnxruntime-node.*ONNXRUNTIME_NODE_INSTALL=skip/,
  );
});

test('survives a binary that does not load', async () => {
  await install('throw new Error("libonnxruntime.so.1: cannot open shared object file")');
  const { available, version, reason } = await probe();
  assert.deepEqual([available, version], [false, '1.2.3']);
  assert.match(reason, /does not load: Error: libonnxruntime.so.1: cannot open/);
  const fix = `remove ${join(folder, 'node_modules/onnxruntime-node')}, then install it again with \`npm install`;
  assert.ok(reason.includes(fix), reason);
});

test('tells a package that is not whole from one that is missing', async () => {
  await install('');
  await rm(join(folder, 'node_modules/onnxruntime-node/index.js'));
  const { available, reason } = await probe();
  assert.equal(available, false);
  assert.match(reason, /onnxruntime-node is not whole: .*; remove .*onnxruntime-node, then install it again/);
});

test('survives a binary that takes its process down', { skip: process.platform === 'win32' }, async () => {
  await install('process.abort()');
  const { available, reason } = await probe();
  assert.equal(available, false);
  assert.match(reason, /ended by SIG/);
});
