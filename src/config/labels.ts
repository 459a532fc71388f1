import { readFile } from 'node:fs/promises';
import { InfernodeError, messageOf } from '../errors.js';

/**
 * Reads class labels, the label of class 0 first. A file whose name ends in `.json` holds an array of strings, or an object
 * from class number to label (`{"0": "tench"}`, or `{"0": ["n01440764", "tench"]}`, whose last text counts); any other file
 * holds one label a line.
 *
 * @throws InfernodeError INF_FILE_INVALID
 */
export async function readLabels(file: string): Promise<string[]> {
  let content: string;
  try {
    content = await readFile(file, 'utf8');
  } catch (cause) {
    throw new InfernodeError('INF_FILE_INVALID', `Cannot read the labels file ${file}: ${messageOf(cause)}`, { cause });
  }
  content = content.replace(/^\uFEFF/, '');
  const labels = /\.json$/i.test(file) ? fromJson(content, file) : fromLines(content);
  if (labels.length === 0) throw new InfernodeError('INF_FILE_INVALID', `The labels file ${file} has no labels`);
  return labels;
}

function fromLines(content: string): string[] {
  const lines = content.split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

function fromJson(content: string, file: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw new InfernodeError('INF_FILE_INVALID', `The labels file ${file} is not JSON: ${messageOf(cause)}`, { cause });
  }
  const items = Array.isArray(value) ? value : byNumber(value);
  return items.map((item, index) => {
    const label: unknown = Array.isArray(item) ? item.at(-1) : item;
    if (typeof label === 'string') return label;
    throw new InfernodeError(
      'INF_FILE_INVALID',
      `The labels file ${file} has no text for class ${index}; expected an array of strings, or an object {"0": "label", ...}`,
      { details: { expected: 'a string', given: typeof label } },
    );
  });
}

function byNumber(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [undefined];
  const { length } = Object.keys(value);
  return Array.from({ length }, (_, index) => (value as Record<string, unknown>)[index]);
}
