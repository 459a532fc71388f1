import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { repository } from '../../support/test-data.js';
import { makeFolder } from './files.js';

/** A copy of the built package with packages of its own. */
export interface PackageCopy {
  readonly folder: string;
  readonly modules: string;
  /** Runs Node.js with nothing on PATH and a cache of its own, and parses what it prints. A crash is an error. */
  ask(...args: string[]): Promise<Record<string, never>>;
}

/** Packages that `own` names are copied, so that a test may damage or remove them; the others are shared. */
export async function copyPackage(t: TestContext, own: readonly string[]): Promise<PackageCopy> {
  const folder = await makeFolder(t, { 'package.json': '{"name": "infernode", "version": "1.0.0", "type": "module"}' });
  const [from, modules] = [join(repository, 'node_modules'), join(folder, 'node_modules')];
  await mkdir(modules);
  for (const name of await readdir(from)) {
    if (own.includes(name)) await cp(join(from, name), join(modules, name), { recursive: true });
    else await symlink(join(from, name), join(modules, name));
  }
  await cp(join(repository, 'dist'), join(folder, 'dist'), { recursive: true });
  const env = { PATH: '/no/such/folder', XDG_CACHE_HOME: join(folder, 'cache') };
  const ask = (...args: string[]) =>
    new Promise<Record<string, never>>((settle, fail) => {
      execFile(process.execPath, args, { env, cwd: folder, timeout: 60_000 }, (error, stdout, stderr) => {
        if (error?.signal) fail(new Error(`ended by ${error.signal}`));
        else if (stdout === '') fail(new Error(stderr));
        else settle(JSON.parse(stdout));
      });
    });
  return { folder, modules, ask };
}
