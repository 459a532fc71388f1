import { readFileSync } from 'node:fs';
import { readResult } from './read-result.js';
import type { BenchResult } from './result.js';

/** The files that were named on the command line, so many at most. Says how it is used for anything else, and exits with 2. */
export function givenFiles(most: number, usage: string): string[] {
  const files = process.argv.slice(2);
  if (files.length <= most && files.every((file) => !file.startsWith('-'))) return files;
  console.error(`usage: ${usage}`);
  process.exit(2);
}

/** The result in a file that was named on the command line. Says in one line why it cannot be read, and exits with 2. */
export function givenResult(file: string): BenchResult {
  try {
    return readResult(readFileSync(file, 'utf8'));
  } catch (error) {
    // Errors of files say which one.
    const { code, message } = error as NodeJS.ErrnoException;
    console.error(code === undefined ? `${file}: ${message}` : message);
    process.exit(2);
  }
}
