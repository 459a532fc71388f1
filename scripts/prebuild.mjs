#!/usr/bin/env node
// node scripts/prebuild.mjs [--libtorch DIR]... [--at-hand]
//
// Makes prebuilds/PLATFORM-ARCH/: the core and a torch backend for each libtorch, stripped, checked against the oldest
// systems that they must run on, and listed in manifest.json. Without --libtorch it takes the versions of libtorchs.json,
// with --at-hand only those of them that need not be fetched.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import prebuildify from 'prebuildify';
import { auditFolder } from './prebuild/audit.mjs';
import { librariesToBuildFor } from './prebuild/libtorchs.mjs';
import { writeManifest } from './prebuild/manifest.mjs';
import { isHookOfBuild } from './prebuild/run-as-hook.mjs';
import { CommandError, isOnPath } from './setup/run-command.mjs';
import { ROOT, Unavailable } from './setup/step.mjs';

const PLATFORM = `${process.platform}-${process.arch}`;
const WORK = join(ROOT, '.build', 'prebuild');

function checkPlatform() {
  if (process.platform !== 'linux') {
    throw new Unavailable(`native files are built on Linux only, this is ${PLATFORM}; the onnx backend works without`);
  }
  const missing = ['cmake', 'g++', 'strip', 'readelf'].filter((tool) => !isOnPath(tool));
  if (!isOnPath('ninja') && !isOnPath('make')) missing.push('ninja');
  if (missing.length > 0) {
    throw new Unavailable(
      `${missing.join(', ')} not found; install g++ (12 or newer), cmake, ninja-build and binutils`,
    );
  }
}

async function main() {
  const { values } = parseArgs({
    options: { libtorch: { type: 'string', multiple: true }, 'at-hand': { type: 'boolean', default: false } },
  });
  checkPlatform();
  const libtorchs = await librariesToBuildFor({ given: values.libtorch, atHand: values['at-hand'] });
  const staged = join(WORK, 'out', 'prebuilds', PLATFORM);
  rmSync(join(WORK, 'out'), { recursive: true, force: true });
  mkdirSync(WORK, { recursive: true });
  // What compile.mjs is to do; prebuildify runs it in place of node-gyp and hands it the options of that one.
  process.env.INFERNODE_PREBUILD = JSON.stringify({ work: WORK, libtorchs });
  await promisify(prebuildify)({
    cwd: WORK,
    out: join(WORK, 'out'),
    name: 'infernode',
    napi: true,
    targets: [process.versions.node],
    tagLibc: true,
    strip: true,
    nodeGyp: join(ROOT, 'scripts', 'prebuild', 'compile.mjs'),
  });
  await auditFolder(staged);
  const files = await writeManifest(staged, libtorchs);
  const target = join(ROOT, 'prebuilds', PLATFORM);
  rmSync(target, { recursive: true, force: true });
  mkdirSync(join(ROOT, 'prebuilds'), { recursive: true });
  renameSync(staged, target);
  console.log(`prebuilds/${PLATFORM}: ${files.join(', ')}`);
}

try {
  if (!isHookOfBuild()) await main();
} catch (error) {
  // prebuildify has an error of its own for a compiler that failed, which has said why.
  const known = error instanceof Unavailable || error instanceof CommandError || /exited with/.test(String(error));
  if (!known) throw error;
  console.error(`${'output' in error ? `${error.output}\n` : ''}prebuild: ${error.message}`);
  process.exitCode = 1;
}
