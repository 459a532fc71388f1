#!/usr/bin/env node
// npm run build:cuda [-- --libtorch DIR] [--cuda DIR] [--parallel N]
//
// Builds the add-on and the torch backend with CUDA into build/cuda/Release. It compiles and links on a machine without a
// GPU: of CUDA it needs the headers and libcudart, of libtorch one that was built with CUDA. Says what it used, and whether
// the result opens here.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { libtorchOfUser } from './setup/libtorch-folder.mjs';
import { withProgress } from './setup/progress.mjs';
import { CommandError, runCommand } from './setup/run-command.mjs';
import { ROOT } from './setup/step.mjs';

const OUT = join(ROOT, 'build', 'cuda');
const RELEASE = join(OUT, 'Release');

const USAGE = 'npm run build:cuda [-- --libtorch DIR] [--cuda DIR] [--parallel N]';

/** @type {{ libtorch?: string, cuda?: string, parallel?: string }} */
let values = {};

try {
  values = readOptions();
  const libtorch = findCudaLibtorch();
  console.log(`libtorch  ${libtorch}`);
  await build(libtorch);
  console.log(`backend   ${join(RELEASE, 'infernode_torch.so')}`);
  console.log(`needs     ${neededLibraries(join(RELEASE, 'infernode_torch.so')).join(', ')}`);
  console.log(`here      ${whetherItOpens(libtorch)}`);
  console.log(`\nto use it: INFERNODE_ADDON=${RELEASE} INFERNODE_LIBTORCH=${libtorch}`);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof CommandError) console.error(error.output);
  process.exitCode = 1;
}

function readOptions() {
  try {
    return parseArgs({
      options: { libtorch: { type: 'string' }, cuda: { type: 'string' }, parallel: { type: 'string' } },
    }).values;
  } catch (error) {
    throw new Error(`${/** @type {Error} */ (error).message}\nusage: ${USAGE}`);
  }
}

/** @returns {string} the folder that has lib/libtorch_cuda.so */
function findCudaLibtorch() {
  const named = values.libtorch ? resolve(values.libtorch) : (libtorchOfUser()?.folder ?? pythonTorch());
  if (named === null) {
    throw new Error('no libtorch: give --libtorch, set INFERNODE_LIBTORCH, or install torch with CUDA into python3');
  }
  if (!existsSync(join(named, 'lib', 'libtorch_cpu.so'))) {
    throw new Error(`${named} is no libtorch: it has no lib/libtorch_cpu.so`);
  }
  if (!existsSync(join(named, 'lib', 'libtorch_cuda.so'))) {
    throw new Error(`${named} has no lib/libtorch_cuda.so: it is a libtorch for the CPU`);
  }
  return named;
}

function pythonTorch() {
  const script =
    'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")';
  try {
    return execFileSync('python3', ['-c', script], { encoding: 'utf8' }).trim() || null;
  } catch {
    return null;
  }
}

/** @param {string} libtorch */
async function build(libtorch) {
  const options = ['--out', OUT, '--config', 'Release', `--CDINFERNODE_LIBTORCH=${libtorch}`, '--CDINFERNODE_CUDA=ON'];
  if (values.cuda) options.push(`--CDINFERNODE_CUDA_HOME=${resolve(values.cuda)}`);
  const configured = await cmakeJs('configure', options);
  console.log(`cuda      ${/^-- CUDA: (.*)$/m.exec(configured)?.[1]}`);
  await cmakeJs('build', [...options, '--parallel', values.parallel ?? String(availableParallelism())]);
}

/**
 * @param {'configure' | 'build'} command
 * @param {readonly string[]} options
 */
function cmakeJs(command, options) {
  const program = join(ROOT, 'node_modules', '.bin', 'cmake-js');
  if (!existsSync(program)) throw new Error('the packages of the project are not installed: npm run setup');
  let at = '';
  const onOutput = (/** @type {string} */ text) => {
    at = text.match(/\[ *\d+(\/\d+|%)\]/g)?.at(-1) ?? at;
  };
  return withProgress(
    `CUDA ${command}`,
    () => at,
    () => runCommand(program, [command, ...options], { cwd: ROOT, onOutput }),
  );
}

/** @param {string} library */
function neededLibraries(library) {
  const dynamic = execFileSync('readelf', ['-d', library], { encoding: 'utf8' });
  return [...dynamic.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, name]) => name);
}

/**
 * In a process of its own, as the package does it. That it does not open is no failure of the build: the libraries of CUDA
 * need not be here.
 *
 * @param {string} libtorch
 */
function whetherItOpens(libtorch) {
  const lib = join(libtorch, 'lib');
  const libraries = ['libc10', 'libtorch_cpu', 'libc10_cuda', 'libtorch_cuda', 'libtorch'];
  const files = [
    join(RELEASE, 'infernode.node'),
    join(RELEASE, 'infernode_torch.so'),
    ...libraries.map((name) => join(lib, `${name}.so`)),
  ];
  const child = join(ROOT, 'dist', 'backends', 'native', 'probe-child.js');
  if (!existsSync(child)) return 'not tried: run npm run build:ts first';
  try {
    const answer = JSON.parse(execFileSync(process.execPath, [child, ...files], { encoding: 'utf8' }));
    if (!answer.ok) return `does not open: ${answer.reason}`;
    const { devices, details } = answer.description;
    return ['opens', `devices ${devices}`, JSON.parse(details).cuda.unavailable].filter(Boolean).join('; ');
  } catch (error) {
    return `crashes: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  }
}
