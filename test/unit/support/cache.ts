import { afterEach, beforeEach, type TestContext } from 'node:test';
import { makeFolder } from './files.js';

/** Gives each test of the file a cache of its own, empty, and tells its folder to `use`. */
export function withOwnCache(use: (folder: string) => void): void {
  const kept = process.env.XDG_CACHE_HOME;
  beforeEach(async (t) => {
    const folder = await makeFolder(t as TestContext, {});
    process.env.XDG_CACHE_HOME = folder;
    use(folder);
  });
  afterEach(() => {
    delete process.env.XDG_CACHE_HOME;
    if (kept !== undefined) process.env.XDG_CACHE_HOME = kept;
  });
}
