/**
 * node .build/ts/bench/report/main.js: writes bench/RESULTS.md, its charts, and the figures of README.md, from the result that is
 * there: full.json, or else quick.json. npm run bench:report runs it.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readResult } from '../results/read-result.js';
import { ROOT } from '../root.js';
import { withFigures } from './readme.js';
import { writeReport } from './write-report.js';

const file = ['full', 'quick'].map((mode) => join(ROOT, `bench/results/${mode}.json`)).find((each) => existsSync(each));
const result = file === undefined ? null : readResult(await readFile(file, 'utf8'));
if (result !== null) await writeReport(result, join(ROOT, 'bench'));
const readme = join(ROOT, 'README.md');
await writeFile(readme, withFigures(await readFile(readme, 'utf8'), result));
console.log(file === undefined ? 'no result is there yet' : `wrote bench/RESULTS.md and README.md from ${file}`);
