#!/usr/bin/env node
// node scripts/bench.mjs PROGRAM [ARGUMENT ...]
//
// Sets the project up, compiles bench/ and runs a program of it: main measures, report/main writes what it found,
// results/check compares two results.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setup } from './setup/plan.mjs';
import { runCommand } from './setup/run-command.mjs';
import { ROOT } from './setup/step.mjs';

const [program = 'main', ...args] = process.argv.slice(2);
const { ok } = await setup();
if (!ok) process.exit(1);
await runCommand(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', join('test', 'tsconfig.json')], { cwd: ROOT });
const script = join(ROOT, '.build', 'ts', 'bench', `${program}.js`);
process.exit(spawnSync(process.execPath, [script, ...args], { cwd: ROOT, stdio: 'inherit' }).status ?? 1);
