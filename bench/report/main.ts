/**
 * node .build/ts/bench/report/main.js: writes bench/RESULTS.md, its charts, and the figures of README.md, from the result that is
 * there: full.json, or else quick.json. npm run bench:report runs it.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readResult } from '../results/read-result.js';
import { ROOT } from '../root.js';
import { parseCauses } from './causes.js';
import { chartsOf } from './charts.js';
import { resultsMarkdown } from './markdown.js';
import { withFigures } from './readme.js';

const bench = join(ROOT, 'bench');
const file = ['full', 'quick'].map((mode) => join(bench, `results/${mode}.json`)).find(existsSync);
const result = file === undefined ? null : readResult(await readFile(file, 'utf8'));
if (result !== null) {
  const charts = chartsOf(result);
  for (const [name, svg] of charts) await writeFile(join(bench, 'results', name), svg);
  const causes = parseCauses(await readFile(join(bench, 'causes.md'), 'utf8'));
  await writeFile(join(bench, 'RESULTS.md'), resultsMarkdown(result, causes, charts));
}
const readme = join(ROOT, 'README.md');
await writeFile(readme, withFigures(await readFile(readme, 'utf8'), result));
console.log(file === undefined ? 'no result is there yet' : `wrote bench/RESULTS.md and README.md from ${file}`);
