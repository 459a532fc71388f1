import { join } from 'node:path';
import { secondsSince, withProgress } from '../setup/progress.mjs';
import { CommandError, runCommand } from '../setup/run-command.mjs';
import { ROOT } from '../setup/step.mjs';

/**
 * Runs one command that passes or fails as a whole, and prints one line, and its output where it failed.
 *
 * @param {string} name
 * @param {string} command
 * @param {readonly string[]} args
 * @param {import('./tally.mjs').Tally} tally
 */
export async function runCheck(name, command, args, tally) {
  const started = performance.now();
  try {
    await withProgress(
      name,
      () => '',
      () => runCommand(command, args, { cwd: ROOT }),
    );
    tally.add({ name, outcome: 'passed' });
    console.log(`  ok   ${name}, ${secondsSince(started)}`);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    tally.add({ name, outcome: 'failed' });
    console.log(`${error.output.trimEnd()}\n  FAIL ${name}: ${error.message}`);
  }
}

/** @param {string} name a program of the development dependencies */
export function packageBinary(name) {
  return join(ROOT, 'node_modules', '.bin', name);
}
