import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
  const own = [
    'errors',
    'config/package-root',
    'config/cache-folder',
    'config/list-folder',
    'backends/onnx/probe',
    'backends/onnx/runtime',
  ];
  for (const name of [...own, 'backends/native/probe-cache', 'backends/native/probe-process']) {
    await cp(fileURLToPath(import.meta.resolve(`#src/${name}`)), join(folder, 'dist', `${name}.js`));
  }
});

after(() => rm(folder, { recursive: true }));

/** In a process of its own, with a cache of its own. */
async function probe(options: { readonly fresh?: boolean } = {}): Promise<BackendStatus> {
  const module = pathToFileURL(join(folder, 'dist', 'backends', 'onnx', 'probe.js')).href;
  const script = `import(${JSON.stringify(module)})
    .then(({ probeRuntime }) => probeRuntime(${JSON.stringify(options)}))
    .then((status) => process.stdout.write(JSON.stringify(status)))`;
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['-e', script], { env });
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
  assert.match(reason, /does not load: loading it crashed with SIG/);
});

test('opens what it found to work again only when a file of it has changed, or if it must', async () => {
  const log = join(folder, 'opened');
  const opened = async () => (await readFile(log, 'utf8')).length;
  const main = `require('node:fs').appendFileSync(${JSON.stringify(log)}, 'x');`;
  await install(main);
  for (let process = 0; process < 2; process++) assert.equal((await probe()).available, true);
  assert.equal(await opened(), 1);
  assert.equal((await probe({ fresh: true })).available, true);
  assert.equal(await opened(), 2);
  const native = join(folder, 'node_modules/onnxruntime-node/bin/napi-v6', process.platform, process.arch);
  await mkdir(native, { recursive: true });
  await writeFile(join(native, 'libonnxruntime.so.1'), 'another');
  await probe();
  assert.equal(await opened(), 3);
  await install(`${main} throw new Error('broken since');`);
  assert.match((await probe()).reason, /does not load: Error: broken since/);
});
