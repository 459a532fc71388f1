/**
 * node .build/ts/bench/report/main.js: writes bench/RESULTS.md, its charts, and the figures of README.md, from the results that are
 * there: of each kind of machine that of `bench:full`, or else that of `bench`. npm run bench:report runs it.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bestOfEachKind, resultsThere } from '../results/result-files.js';
import { ROOT } from '../root.js';
import { withFigures } from './readme.js';
import { writeReport } from './write-report.js';

const [result = null, ...others] = bestOfEachKind(resultsThere());
if (result !== null) await writeReport(result, others, join(ROOT, 'bench'));
const readme = join(ROOT, 'README.md');
await writeFile(readme, withFigures(await readFile(readme, 'utf8'), result));
console.log(result === null ? 'no result is there yet' : 'wrote bench/RESULTS.md and README.md');
