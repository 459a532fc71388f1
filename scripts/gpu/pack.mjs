#!/usr/bin/env node
// node scripts/gpu/pack.mjs FILE.tar.xz [--node-home DIR]
//
// Packs what scripts/gpu/gpu.py needs on a machine without network: sources of the native code, dist, the compiled GPU
// tests, the packages that they import, and this Node.js with its headers. There: unpack it, then
// `python3 scripts/gpu/gpu.py test --node node/bin/node` in its folder.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../setup/step.mjs';

const FILES = [
  'CMakeLists.txt',
  'package.json',
  'native',
  'dist',
  'scripts/gpu',
  'bench/models/make.py',
  'test/fixtures',
  'models/shapes',
  '.build/ts/bench/gpu.js',
  '.build/ts/test/gpu',
  '.build/ts/test/support',
];
/** What dist and the native build import; what these need comes with them. */
const PACKAGES = ['bindings', 'node-addon-api', 'protobufjs', 'yauzl'];

const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'node-home': { type: 'string' } } });
const [target] = positionals;
if (target === undefined) {
  console.error('usage: node scripts/gpu/pack.mjs FILE.tar.xz [--node-home DIR]');
  process.exit(2);
}
const nodeHome = resolve(values['node-home'] ?? join(dirname(process.execPath), '..'));
const missing = [...FILES.map((file) => join(ROOT, file)), join(nodeHome, 'include/node/node_api.h')].filter(
  (file) => !existsSync(file),
);
if (missing.length > 0) {
  console.error(`missing: ${missing.join(', ')}\nrun npm run build:ts and npx tsc -p test/tsconfig.json first`);
  process.exit(1);
}

const folder = mkdtempSync(join(tmpdir(), 'infernode-gpu-'));
try {
  for (const file of FILES) copy(join(ROOT, file), join(folder, file));
  for (const name of withDependencies(PACKAGES)) {
    copy(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  }
  copy(join(nodeHome, 'bin/node'), join(folder, 'node/bin/node'));
  copy(join(nodeHome, 'include/node'), join(folder, 'node/include/node'));
  execFileSync('tar', ['-cJf', resolve(target), '-C', folder, '.'], { env: { ...process.env, XZ_OPT: '-T0' } });
  console.log(`${target}: ${(statSync(target).size / 1e6).toFixed(1)} MB`);
} finally {
  rmSync(folder, { recursive: true });
}

/**
 * @param {string} from
 * @param {string} to
 */
function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true });
}

/**
 * @param {readonly string[]} names
 * @returns {Set<string>} these packages and all that they need
 */
function withDependencies(names) {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const found = new Set();
  const add = (/** @type {string} */ name) => {
    const entry = packages[`node_modules/${name}`];
    if (entry === undefined || found.has(name)) return;
    found.add(name);
    Object.keys(entry.dependencies ?? {}).forEach(add);
  };
  names.forEach(add);
  return found;
}
