#!/usr/bin/env node
// node scripts/test.mjs [--only PATTERN] [--skip-setup]
//
// Everything that must hold: setup, lint, package, unit and integration tests, native tests. With --only, just the test
// files whose path matches the regular expression.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setup } from './setup/plan.mjs';
import { secondsSince } from './setup/progress.mjs';
import { isOnPath, runCommand } from './setup/run-command.mjs';
import { ROOT } from './setup/step.mjs';
import { packageBinary, runCheck } from './test/check.mjs';
import { makePackage } from './test/package.mjs';
import { Tally } from './test/tally.mjs';
import { runTestFiles } from './test/test-files.mjs';

const { values: flags } = parseArgs({ options: { only: { type: 'string' }, 'skip-setup': { type: 'boolean' } } });
const inCi = process.env.CI === 'true';
const tally = new Tally();
const BUILD = join(ROOT, '.build', 'ts');
const script = (/** @type {string} */ name) => join(ROOT, 'scripts', name);
const check = (/** @type {string} */ name, /** @type {string} */ command, /** @type {string[]} */ ...args) =>
  runCheck(name, command, args, tally);

/**
 * @param {string} name
 * @param {() => Promise<void>} work
 */
async function stage(name, work) {
  console.log(`\n== ${name}`);
  const started = performance.now();
  await work();
  console.log(`-- ${name}: ${secondsSince(started)}`);
}

async function prepare() {
  const { ok, outcomes } = await setup();
  for (const { name, state, text, output } of outcomes) {
    if (state !== 'failed') continue;
    tally.add({ name: `${name}: ${text}`, outcome: 'failed' }, 'setup');
    if (ok && output) console.log(output.trimEnd());
  }
  if (!ok) finish();
}

async function lint() {
  await check('biome', packageBinary('biome'), 'check', '.');
  await check('types of src', packageBinary('tsc'), '-p', 'tsconfig.json', '--noEmit');
  if (isOnPath('clang-format') || inCi) {
    await check('clang-format', process.execPath, script('clang-format.mjs'));
  } else {
    tally.add({ name: 'clang-format', outcome: 'skipped', reason: 'clang-format is not installed' });
  }
}

async function compileTests() {
  rmSync(BUILD, { recursive: true, force: true });
  await check('types of test and bench', packageBinary('tsc'), '-p', join('test', 'tsconfig.json'));
}

async function runTests() {
  const data = join(ROOT, '..', 'shared', 'data');
  const env = process.env.INFERNODE_TEST_DATA || !existsSync(data) ? {} : { INFERNODE_TEST_DATA: data };
  const only = new RegExp(flags.only ?? '');
  await runTestFiles({ folder: join(BUILD, 'test'), only, env, complete: inCi }, tally);
}

/**
 * Compiles for the native tests while the others run, which leave a core idle often enough. Settles when that is done; what
 * went wrong shows in the stage itself, which builds what is missing.
 */
async function buildSanitized() {
  await runCommand(process.execPath, [script('test-native.mjs'), '--build'], { cwd: ROOT }).catch(() => {});
}

async function packed() {
  await makePackage(tally);
  await check('publint', packageBinary('publint'), '--strict');
}

/** @returns {never} */
function finish() {
  console.log('\n== summary');
  for (const failure of tally.failures) console.log(`  FAIL ${failure}`);
  for (const [reason, count] of tally.reasons) console.log(`  skipped ${count}: ${reason}`);
  console.log(String(tally));
  process.exit(tally.failed > 0 ? 1 : 0);
}

if (!flags['skip-setup']) await stage('setup', prepare);
const sanitized = flags.only ? null : buildSanitized();
if (!flags.only) await stage('lint', lint);
if (!flags.only) await stage('package', packed);
await stage('compile tests', compileTests);
await stage('tests', runTests);
if (!flags.only) {
  await stage('demo', () => check('demo', process.execPath, script('demo.mjs')));
  await stage('bench', () => check('bench --smoke', process.execPath, join(BUILD, 'bench', 'main.js'), '--smoke'));
  await stage('rest of the sanitizer build', () => sanitized ?? Promise.resolve());
  await stage('native tests', () => check('native tests', process.execPath, script('test-native.mjs')));
}
finish();
