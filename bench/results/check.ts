/**
 * node .build/ts/bench/results/check.js [NEW [COMMITTED]]: says where the ratios of a new result are worse than those of the
 * committed one, beyond the range of their rounds. Without files, bench/results/MODE.json against the one that git has of it.
 * npm run bench:check runs it; exit code 1 says that something became slower.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { times } from '../report/text.js';
import { ROOT } from '../root.js';
import { compareResults } from './compare.js';
import { readResult } from './read-result.js';

const newest = ['full', 'quick']
  .map((mode) => `bench/results/${mode}.json`)
  .filter((file) => existsSync(join(ROOT, file)))
  .sort((a, b) => dateOf(b) - dateOf(a))[0];

function dateOf(file: string): number {
  return Date.parse(readResult(readFileSync(join(ROOT, file), 'utf8')).date);
}

function committed(file: string): string {
  return execFileSync('git', ['show', `HEAD:${file}`], { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 28 });
}

const [given, base] = process.argv.slice(2);
if (given === undefined && newest === undefined) throw new Error('no result is there: npm run bench makes one');
const now = readResult(readFileSync(given ?? join(ROOT, newest!), 'utf8'));
const then = readResult(
  base === undefined ? committed(`bench/results/${now.plan.mode}.json`) : readFileSync(base, 'utf8'),
);
if (then.machine.cpu.model !== now.machine.cpu.model) {
  console.log(`note: then on ${then.machine.cpu.model}, now on ${now.machine.cpu.model}`);
}
const compared = compareResults(then, now);
for (const { line, verdict, ...ratios } of compared) {
  const { scenario, model, precision, peer } = line;
  const [was, is] = [ratios.before, ratios.after].map((ratio) => (ratio === null ? 'not measured' : times(ratio)));
  const name = `${scenario} / ${model} / ${precision}`;
  console.log(`${verdict.padEnd(8)} ${name.padEnd(36)} to ${peer?.contestant ?? 'no peer'}: then ${was}, now ${is}`);
}
const slower = compared.filter(({ verdict }) => verdict === 'slower').length;
console.log(`${slower} of ${compared.length} ratios are worse than before, beyond the range of their rounds`);
process.exitCode = slower > 0 ? 1 : 0;
