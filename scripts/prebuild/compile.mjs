#!/usr/bin/env node
// Stands in for node-gyp in prebuildify: builds by cmake-js, once for each libtorch, into build/Release of the folder it is
// run in. The first libtorch is that of the local build, which is brought up to date and taken; the others have a build
// folder each.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { buildNative } from '../setup/build-native.mjs';
import { CommandError, runCommand } from '../setup/run-command.mjs';
import { ROOT } from '../setup/step.mjs';

/** @type {{ work: string, libtorchs: import('./libtorchs.mjs').BuildLibtorch[] }} */
const { work, libtorchs } = JSON.parse(process.env.INFERNODE_PREBUILD ?? '{}');
const libc = process.env.PREBUILD_LIBC;
const release = join(work, 'build', 'Release');

/** @param {import('./libtorchs.mjs').BuildLibtorch} libtorch */
async function compile({ folder, minor, local }) {
  const out = local ? join(ROOT, 'build') : join(work, `cmake-${minor}`);
  if (local) {
    await buildNative.run();
  } else {
    const options = ['--out', out, '--config', 'Release', `--CDINFERNODE_LIBTORCH=${folder}`, '--CDINFERNODE_CUDA=OFF'];
    const cmakeJs = join(ROOT, 'node_modules', '.bin', 'cmake-js');
    console.log(`building the torch backend for libtorch ${minor}`);
    await runCommand(cmakeJs, ['compile', ...options, '--parallel', String(availableParallelism())], { cwd: ROOT });
  }
  copyFileSync(join(out, 'Release', 'infernode_torch.so'), join(release, `infernode_torch-${minor}.${libc}.so`));
  return join(out, 'Release', 'infernode.node');
}

try {
  rmSync(release, { recursive: true, force: true });
  mkdirSync(release, { recursive: true });
  const cores = [];
  for (const libtorch of libtorchs) cores.push(await compile(libtorch));
  copyFileSync(cores[0] ?? '', join(release, 'infernode.node'));
} catch (error) {
  console.error(
    error instanceof CommandError ? `${error.output}\n${error.message}` : /** @type {Error} */ (error).message,
  );
  process.exitCode = 1;
}
