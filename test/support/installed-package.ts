import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { makeFolder } from '../unit/support/files.js';
import { repository } from './test-data.js';

/** The folder where scripts/test/package.mjs installed the packed package. */
export const app = join(repository, '.build/package/app');

/** The package in it. */
export const installed = join(app, 'node_modules/infernode');

/** A test's option: skips it, and says why, where the package was not packed and installed. */
export const needsPackage = existsSync(installed) ? false : 'needs the packed package: npm test makes it';

/** A libtorch to name, the one that the repository was set up with. */
export const libtorch = process.env.INFERNODE_LIBTORCH ?? process.env.LIBTORCH ?? join(repository, '.libtorch');

/** What a program in the app came to. */
export interface Ended {
  readonly code: number | string | null;
  readonly out: string;
  readonly err: string;
}

/** Runs Node.js in a folder with nothing on PATH, no settings but those given, and a home and cache of its own. */
export async function runIn(
  t: TestContext,
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const home = await makeFolder(t, {});
  return runWith(process.execPath, args, folder, { PATH: '/no/such/folder', HOME: home, ...env });
}

/** Runs a program with exactly these variables. */
export function runWith(
  file: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<Ended> {
  return new Promise((settle) => {
    execFile(file, args, { cwd, env, timeout: 120_000 }, (error, out, err) => {
      settle({ code: error === null ? 0 : (error.code ?? error.signal ?? null), out, err });
    });
  });
}

/** An app of its own, whose copy of the package a test may damage; what the package needs is shared. */
export async function copyOfApp(t: TestContext): Promise<{ app: string; installed: string; native: string }> {
  const folder = await makeFolder(t, {});
  const copy = join(folder, 'node_modules/infernode');
  await cp(installed, copy, { recursive: true });
  await cp(join(app, 'run.mjs'), join(folder, 'run.mjs'));
  // Packages above are not looked for beyond the first node_modules that has them.
  const { readdir } = await import('node:fs/promises');
  for (const name of await readdir(join(app, 'node_modules'))) {
    if (name !== 'infernode') await symlink(join(app, 'node_modules', name), join(folder, 'node_modules', name));
  }
  return { app: folder, installed: copy, native: join(copy, 'prebuilds', `${process.platform}-${process.arch}`) };
}
