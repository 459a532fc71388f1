import { secondsSince } from '../setup/progress.mjs';
import { listFiles } from '../setup/stamp.mjs';
import { runTestFile } from './test-file.mjs';

const AT_ONCE = 2;

/**
 * Runs the compiled test files, two at a time and those in `serial/` one by one afterwards, and prints one line for each
 * and every failure in full.
 *
 * @param {object} options
 * @param {string} options.folder the compiled tests
 * @param {RegExp} options.only which paths to run
 * @param {NodeJS.ProcessEnv} options.env
 * @param {boolean} options.complete whether a test that is skipped because it needs something counts as failed
 * @param {import('./tally.mjs').Tally} tally
 */
export async function runTestFiles({ folder, only, env, complete }, tally) {
  const files = listFiles(folder).filter((file) => file.endsWith('.test.js') && only.test(file));
  if (files.length === 0) {
    console.log('  no test file');
    tally.add({ name: 'no test file matches', outcome: 'failed' });
  }
  const isSerial = (/** @type {string} */ file) => file.split('/').includes('serial');
  const run = async (/** @type {string} */ file) => {
    const started = performance.now();
    const results = (await runTestFile(file, { folder, env })).map((result) =>
      complete ? nothingMissing(result) : result,
    );
    for (const result of results) tally.add(result, file);
    print(file, results, secondsSince(started));
  };
  const parallel = files.filter((file) => !isSerial(file));
  await Promise.all(Array.from({ length: AT_ONCE }, () => runAll(parallel, run)));
  await runAll(files.filter(isSerial), run);
}

/**
 * Takes files off the list until it is empty; several may share one list.
 *
 * @param {string[]} files
 * @param {(file: string) => Promise<void>} run
 */
async function runAll(files, run) {
  for (let file = files.shift(); file; file = files.shift()) await run(file);
}

/**
 * @param {import('./tally.mjs').Result} result
 * @returns {import('./tally.mjs').Result}
 */
function nothingMissing(result) {
  if (!result.reason?.startsWith('needs ')) return result;
  return { name: result.name, outcome: 'failed', error: `skipped, which CI does not accept: ${result.reason}` };
}

/**
 * @param {string} file
 * @param {readonly import('./tally.mjs').Result[]} results
 * @param {string} duration
 */
function print(file, results, duration) {
  const failures = results.filter(({ outcome }) => outcome === 'failed');
  const skipped = results.filter(({ outcome }) => outcome === 'skipped').length;
  const ran = results.length - skipped;
  const counts = `${ran} test${ran === 1 ? '' : 's'}${skipped > 0 ? `, ${skipped} skipped` : ''}`;
  console.log(`  ${failures.length > 0 ? 'FAIL' : 'ok  '} ${file.padEnd(48)} ${counts}, ${duration}`);
  for (const { name, error } of failures) console.log(`    FAIL ${name}\n${indent(error ?? '')}`);
}

/** @param {string} text */
function indent(text) {
  return text.replace(/^/gm, '      ');
}
