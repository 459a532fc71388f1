/**
 * node .build/ts/bench/report/main.js [RESULT.json]: writes bench/RESULTS.md, its charts, and the figures of README.md, from the
 * results that are there: of each kind of machine that of `bench:full`, or else that of `bench`. With a file, writes
 * .build/bench/report/RESULTS.md from that alone. npm run bench:report runs it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { MADE } from '../models/made.js';
import { givenFiles, givenResult } from '../results/given-result.js';
import { bestOfEachKind, resultPath, resultsThere } from '../results/result-files.js';
import { ROOT } from '../root.js';
import { withFigures } from './readme.js';
import { writeReport } from './write-report.js';

async function reportAll(): Promise<string> {
  const [result = null, ...others] = bestOfEachKind(resultsThere());
  const readme = join(ROOT, 'README.md');
  await writeFile(readme, withFigures(await readFile(readme, 'utf8'), result));
  if (result === null) return 'no result is there yet';
  const source = resultPath(result.plan.mode, result.machine);
  await writeReport(result, join(ROOT, source), others, join(ROOT, 'bench'));
  return `wrote bench/RESULTS.md and README.md by ${source}; for another: npm run bench:report -- RESULT.json`;
}

async function report(file: string): Promise<string> {
  const folder = join(MADE, 'report');
  await writeReport(givenResult(file), resolve(file), [], folder);
  return `wrote ${relative(ROOT, join(folder, 'RESULTS.md'))}`;
}

const [file] = givenFiles(1, 'npm run bench:report [-- RESULT.json]');
console.log(file === undefined ? await reportAll() : await report(file));
