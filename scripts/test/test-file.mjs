import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../setup/run-command.mjs';
import { ROOT } from '../setup/step.mjs';

const REPORTER = fileURLToPath(new URL('reporter.mjs', import.meta.url));
const LIMIT_SECONDS = 900;

/**
 * Runs one compiled test file in a process of its own, so that a crash of native code fails that file alone, and with a
 * folder for temporary files of its own, so that it may count them.
 *
 * @param {string} file below the compiled tests
 * @param {{ folder: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<import('./tally.mjs').Result[]>}
 */
export async function runTestFile(file, { folder, env }) {
  const report = join(ROOT, '.build', 'test-reports', `${file}.jsonl`);
  mkdirSync(dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const reporter = [`--test-reporter=${REPORTER}`, `--test-reporter-destination=${report}`];
  const scratch = mkdtempSync(join(tmpdir(), 'test-'));
  // NODE_TEST_CONTEXT, set by an outer test runner, would make this one report to it.
  const run = runCommand(process.execPath, ['--expose-gc', ...reporter, join(folder, file)], {
    cwd: ROOT,
    env: { ...env, TMPDIR: scratch, NODE_TEST_CONTEXT: undefined },
    limitSeconds: LIMIT_SECONDS,
  });
  const { message, output } = await run.then(
    (text) => ({ message: null, output: text }),
    (/** @type {import('../setup/run-command.mjs').CommandError} */ error) => error,
  );
  rmSync(scratch, { recursive: true, force: true });
  const { results, warnings, ended } = readReport(report);
  const fail = (/** @type {string[]} */ ...lines) =>
    results.push({ name: 'the file as a whole', outcome: 'failed', error: lines.join('\n').trim() });
  const explained = results.some(({ outcome }) => outcome === 'failed');
  if (!ended) fail(message ?? 'the process ended before its tests did', ...warnings, output);
  else if (message && !explained) fail(message, ...warnings, output);
  else if (results.length === 0) fail('has no tests');
  return results;
}

/**
 * @param {string} path
 * @returns {{ results: import('./tally.mjs').Result[], warnings: string[], ended: boolean }}
 */
function readReport(path) {
  // The last line lacks its end where the process was killed.
  const lines = readFileSync(path, { encoding: 'utf8', flag: 'a+' }).split('\n').slice(0, -1);
  const entries = lines.map((line) => JSON.parse(line));
  return {
    results: entries.filter((entry) => entry.outcome),
    warnings: entries.flatMap((entry) => entry.warning ?? []),
    ended: entries.some((entry) => entry.end),
  };
}
