import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { InfernodeError, messageOf } from '../errors.js';

const FILE_COLUMNS = ['file', 'filename', 'path', 'image', 'name', 'sample'];
const CLASS_COLUMNS = ['class_index', 'class', 'label', 'index', 'target', 'y'];

/**
 * Reads the class of each sample: a `.csv` file with a column of files and one of classes (told by the heading, else the
 * first two), or a `.json` object `{file: class}`. A class is a number from 0 or one of the model's labels.
 *
 * @param labels the labels of the model's classes, class 0 first
 * @returns class by file name
 * @throws InfernodeError INF_FILE_INVALID
 */
export async function readSampleLabels(
  file: string,
  labels: readonly string[] | undefined,
): Promise<ReadonlyMap<string, number>> {
  let rows: [string, unknown][];
  try {
    const text = await readFile(file, 'utf8');
    rows = extname(file).toLowerCase() === '.json' ? Object.entries(JSON.parse(text) as object) : csvRows(text);
  } catch (cause) {
    throw new InfernodeError('INF_FILE_INVALID', `The labels ${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
  return new Map(rows.map(([name, given]) => [name, classOf(given, labels, file, name)]));
}

/** The class of a sample, which may be named by its path or by its file alone. */
export function labelOf(labels: ReadonlyMap<string, number>, sample: string): number | undefined {
  return labels.get(sample) ?? labels.get(basename(sample));
}

function csvRows(text: string): [string, string][] {
  const rows = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
    .map(cellsOf);
  const heading = rows[0]?.map((cell) => cell.toLowerCase()) ?? [];
  const file = FILE_COLUMNS.map((name) => heading.indexOf(name)).find((index) => index >= 0);
  const label = CLASS_COLUMNS.map((name) => heading.indexOf(name)).find((index) => index >= 0);
  // Of a heading that tells one column only, the other one is the first that is left.
  const fileColumn = file ?? (label === 0 ? 1 : 0);
  const labelColumn = label ?? (file === undefined || file === 0 ? 1 : 0);
  const hasHeading = file !== undefined || label !== undefined;
  return rows.slice(hasHeading ? 1 : 0).map((row) => [row[fileColumn] ?? '', row[labelColumn] ?? '']);
}

/** The cells of a line, RFC 4180: a quoted cell may hold commas, and quotes doubled. */
function cellsOf(line: string): string[] {
  return Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
    quoted === undefined ? plain!.trim() : quoted.replaceAll('""', '"'),
  );
}

function classOf(given: unknown, labels: readonly string[] | undefined, file: string, name: string): number {
  const text = String(given).trim();
  const index = /^\d+$/.test(text) ? Number(text) : (labels?.indexOf(text) ?? -1);
  if (index >= 0) return index;
  throw new InfernodeError(
    'INF_FILE_INVALID',
    `${file}: the class of ${name} is ${JSON.stringify(given)}, neither a number nor a label of the model`,
  );
}
