/**
 * node .build/ts/bench/results/check.js [NEW [COMMITTED]]: says where the ratios of a new result are worse than those of a
 * committed one, beyond their spread. Without files, the newest of bench/results that git does not have against those that it has,
 * of the same kind of machine where there is one. npm run bench:check runs it; exit code 1 says that something became slower.
 */
import { execFileSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { times } from '../report/text.js';
import { ROOT } from '../root.js';
import { type Compared, compareResults } from './compare.js';
import { givenFiles, givenResult } from './given-result.js';
import { readResult } from './read-result.js';
import type { BenchResult } from './result.js';
import { baselineFor, machineKind, RESULTS, resultsThere } from './result-files.js';
import type { Figure } from './spread.js';

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28 });
}

function committed(): BenchResult[] {
  const files = git('ls-tree', '--name-only', 'HEAD', `${RESULTS}/`).split('\n');
  return files.filter((file) => file.endsWith('.json')).map((file) => readResult(git('show', `HEAD:${file}`)));
}

function giveUp(why: string): never {
  console.error(why);
  process.exit(2);
}

const [given, base] = givenFiles(2, 'npm run bench:check [-- NEW.json [COMMITTED.json]]').map(givenResult);
// Two files that are given need no git.
const known = base === undefined ? committed() : [];
const now = given ?? resultsThere().find((each) => !known.some((other) => isDeepStrictEqual(each, other)));
if (now === undefined)
  giveUp(
    'no new result is in bench/results: npm run bench of all models makes one; for another, npm run bench:check -- RESULT.json',
  );
const then = base ?? baselineFor(now, known);
if (then === null) giveUp('no result is committed to hold it against');

const isAlike = machineKind(then.machine) === machineKind(now.machine);
for (const [when, { date, plan, machine }] of [['then', then] as const, ['now ', now] as const]) {
  console.log(`${when}: ${date.slice(0, 10)}, ${plan.mode}, on ${machineKind(machine)}`);
}
const compared = compareResults(then, now);
const nameOf = ({ line: { scenario, model, precision } }: Compared) => `${scenario} / ${model} / ${precision}`;
const both: (Compared & { before: Figure; after: Figure })[] = [];
for (const each of compared) {
  const { line, verdict, peer, before, after } = each;
  if (before === null || after === null) continue;
  both.push({ ...each, before, after });
  const opponent = line.peer?.contestant;
  const other = peer === opponent ? '' : ` to ${peer}`;
  const ratios = `then ${times(before)}, now ${times(after)}${other}`;
  console.log(`${verdict.padEnd(8)} ${nameOf(each).padEnd(36)} to ${opponent}: ${ratios}`);
}
const back = both.filter(({ before, after }) => after.median >= before.low && after.median <= before.high);
console.log(`${back.length} of ${both.length} ratios came back within their spread of then`);
const slower = compared.filter(({ verdict }) => verdict === 'slower').length;
console.log(`${slower} of ${both.length} ratios are worse than before, beyond their spread`);
const others = compared.filter(({ before, after }) => before === null || after === null);
if (others.length > 0) {
  const why =
    now.plan.mode === then.plan.mode ? '' : `, for ${now.plan.mode} and ${then.plan.mode} differ in peers and servers`;
  console.log(
    `${others.length} were measured, or against that peer, in one of the two only${why}: ${others.map(nameOf).join(', ')}`,
  );
}
if (!isAlike) console.log('The machines are not of one kind, so nothing of that need be the work of Infernode.');
process.exitCode = slower > 0 && isAlike ? 1 : 0;
