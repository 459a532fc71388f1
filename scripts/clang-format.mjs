#!/usr/bin/env node
// node scripts/clang-format.mjs [--write]: checks, or mends, the layout of the C++ files below native/.
import { join } from 'node:path';
import { CommandError, isOnPath, runCommand } from './setup/run-command.mjs';
import { listFiles } from './setup/stamp.mjs';
import { ROOT } from './setup/step.mjs';

const mode = process.argv.includes('--write') ? ['-i'] : ['--dry-run', '--Werror'];
const files = listFiles(join(ROOT, 'native')).filter((file) => /\.(h|cc)$/.test(file));

if (!isOnPath('clang-format')) {
  const inCi = process.env.CI === 'true';
  console.log(inCi ? 'install clang-format' : 'clang-format is not installed; native/ was not checked');
  process.exitCode = inCi ? 1 : 0;
} else {
  try {
    console.log((await runCommand('clang-format', ['--version'])).trim());
    await runCommand('clang-format', [...mode, ...files], { cwd: join(ROOT, 'native') });
    console.log(`${files.length} files ${mode[0] === '-i' ? 'formatted' : 'are in order'}`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    console.log(`${error.output.trimEnd()}\nrun: node scripts/clang-format.mjs --write`);
    process.exitCode = 1;
  }
}
