import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { BenchResult } from '../results/result.js';
import { ROOT } from '../root.js';
import { parseCauses } from './causes.js';
import { chartsOf } from './charts.js';
import { resultsMarkdown } from './markdown.js';

/**
 * Writes RESULTS.md into a folder, and the charts into its folder `results`.
 *
 * @param source the file that the result is from
 * @param others results of other kinds of machines, of which only the comparison is shown
 */
export async function writeReport(
  result: BenchResult,
  source: string,
  others: readonly BenchResult[],
  folder: string,
): Promise<void> {
  const charts = chartsOf(result);
  await mkdir(join(folder, 'results'), { recursive: true });
  for (const { file, svg } of charts) await writeFile(join(folder, 'results', file), svg);
  const causes = parseCauses(await readFile(join(ROOT, 'bench/causes.md'), 'utf8'));
  const place = { source: relative(ROOT, source), docs: relative(folder, join(ROOT, 'docs')) };
  await writeFile(join(folder, 'RESULTS.md'), resultsMarkdown(result, others, causes, charts, place));
}
