#!/usr/bin/env node
// node scripts/bench.mjs [--smoke]
//
// Sets the project up, compiles bench/ and runs it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { setup } from './setup/plan.mjs';
import { runCommand } from './setup/run-command.mjs';
import { ROOT } from './setup/step.mjs';

const { ok } = await setup();
if (!ok) process.exit(1);
await runCommand(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', join('test', 'tsconfig.json')], { cwd: ROOT });
const main = join(ROOT, '.build', 'ts', 'bench', 'main.js');
process.exit(spawnSync(process.execPath, [main, ...process.argv.slice(2)], { stdio: 'inherit' }).status ?? 1);
