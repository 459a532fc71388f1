import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { ROOT } from '../root.js';

/** Where models, inputs and compiled packages are kept between runs. */
export const MADE = join(ROOT, '.build/bench');

/**
 * Makes a file or folder unless it was made from the same things before. It is there as a whole or not at all.
 *
 * @param path below MADE
 * @param from what it depends on: files below the repository, and anything else as text
 * @param make writes to the path it is given
 */
export async function made(
  path: string,
  from: { readonly files: readonly string[]; readonly more?: readonly unknown[] },
  make: (target: string) => Promise<void>,
): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(from.more ?? []));
  for (const file of from.files) hash.update(readFileSync(join(ROOT, file)));
  const key = hash.digest('hex');
  const target = join(MADE, path);
  const stamp = join(MADE, '.stamps', relative(MADE, target).replaceAll('/', '-'));
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return target;
  // Whatever the ending says to the tool that writes it must stay at the end.
  const scratch = join(dirname(target), `.new-${target.slice(dirname(target).length + 1)}`);
  await rm(scratch, { recursive: true, force: true });
  await mkdir(dirname(target), { recursive: true });
  await make(scratch);
  await rm(target, { recursive: true, force: true });
  await rename(scratch, target);
  await mkdir(dirname(stamp), { recursive: true });
  await writeFile(stamp, key);
  return target;
}
