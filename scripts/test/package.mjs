import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { megabytes, secondsSince } from '../setup/progress.mjs';
import { CommandError, runCommand } from '../setup/run-command.mjs';
import { ROOT } from '../setup/step.mjs';

const WORK = join(ROOT, '.build', 'package');
/** The published package may not be larger. */
const MOST_BYTES = 12e6;

/**
 * Packs the package and installs it as a user would: into an empty folder, with an empty cache, with no compiler and no
 * Python. The tests in test/package use what it leaves in `.build/package/app`.
 *
 * @param {import('./tally.mjs').Tally} tally
 */
export async function makePackage(tally) {
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(WORK, { recursive: true });
  for (const [name, work] of /** @type {const} */ ([
    ['prebuild', prebuild],
    ['npm pack', pack],
    ['npm install of the package', install],
  ])) {
    try {
      const text = await work();
      tally.add({ name, outcome: 'passed' });
      console.log(`  ok   ${name}: ${text}`);
    } catch (error) {
      const output = error instanceof CommandError ? error.output.trimEnd() : '';
      console.log(`${output}\n  FAIL ${name}: ${/** @type {Error} */ (error).message}`);
      tally.add({ name, outcome: 'failed' });
      return;
    }
  }
}

async function prebuild() {
  const output = await runCommand(process.execPath, [join(ROOT, 'scripts', 'prebuild.mjs'), '--at-hand'], {
    cwd: ROOT,
  });
  return output.trim().split('\n').at(-1) ?? '';
}

async function pack() {
  await runCommand('npm', ['pack', '--pack-destination', WORK], { cwd: ROOT });
  const { size } = statSync(tarball());
  if (size > MOST_BYTES) throw new Error(`${tarball()} has ${megabytes(size)}, more than ${megabytes(MOST_BYTES)}`);
  return megabytes(size);
}

async function install() {
  const started = performance.now();
  const bin = join(WORK, 'bin');
  mkdirSync(bin);
  for (const [name, target] of [
    ['node', process.execPath],
    ['sh', '/bin/sh'],
  ]) {
    symlinkSync(target ?? '', join(bin, name ?? ''));
  }
  const app = join(WORK, 'app');
  mkdirSync(app);
  writeFileSync(join(app, 'package.json'), '{ "name": "app", "private": true }\n');
  cpSync(join(ROOT, 'test', 'package', 'run.mjs'), join(app, 'run.mjs'));
  const cache = join(WORK, 'npm-cache');
  const options = ['--engine-strict', '--no-audit', '--no-fund'];
  await runCommand(process.execPath, [npmCli(), 'install', tarball(), '--cache', cache, ...options], {
    cwd: app,
    env: { PATH: bin, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  });
  rmSync(cache, { recursive: true, force: true });
  return `${secondsSince(started)} with an empty cache`;
}

function tarball() {
  return join(WORK, readdirSync(WORK).find((name) => name.endsWith('.tgz')) ?? 'no tarball');
}

/** npm itself, for a PATH without it. */
function npmCli() {
  const folder = (process.env.PATH ?? '').split(delimiter).find((path) => existsSync(join(path, 'npm')));
  return realpathSync(join(folder ?? '', 'npm'));
}
