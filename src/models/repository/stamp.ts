import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Models come with a handful of files; whoever has more is told apart by the first ones. */
const MOST_FILES = 1000;
const DEEPEST = 3;

/** Tells one state of these files from another: size, time of the last change, and inode of each. */
export async function stampFiles(files: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const file of files.slice(0, MOST_FILES)) {
    const stats = await stat(file).catch(() => undefined);
    lines.push(stats === undefined ? `${file} -` : `${file} ${stats.size} ${stats.mtimeMs} ${stats.ino}`);
  }
  return lines.join('\n');
}

/** All files of a folder and of those below it; linked folders are not entered. */
export async function filesBelow(folder: string, depth = DEEPEST): Promise<string[]> {
  const entries: Dirent[] = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (files.length >= MOST_FILES) break;
    const path = join(folder, entry.name);
    if (!entry.isDirectory()) files.push(path);
    else if (depth > 1) files.push(...(await filesBelow(path, depth - 1)));
  }
  return files;
}
