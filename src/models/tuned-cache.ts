import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { cacheFolder } from '../config/cache-folder.js';
import { makeScratchFolder } from '../config/scratch-folder.js';

/**
 * Tuned models of earlier runs, on disk: `optimized/MODEL/KEY/`, where MODEL is the hash of the model's content and KEY that
 * of everything else that decides what comes out. An entry is written beside its place and renamed, so two processes may
 * write the same one; it is checked by the hash of every file in it before it is used, and removed if it does not agree.
 */
export interface TunedEntry {
  /** The model folder; load it like any model. */
  readonly folder: string;
}

const SEAL = 'seal.json';

/** What an entry holds, for checking. */
interface Seal {
  /** Of the machine and libraries that it was tuned for. */
  readonly environment: string;
  readonly created: number;
  /** SHA-256 by path. */
  readonly files: Readonly<Record<string, string>>;
}

function root(): string {
  return join(cacheFolder(), 'optimized');
}

/** The hash of the content of files, in this order. */
export async function hashFiles(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex').slice(0, 32);
}

/** Whether anything was ever tuned here: looking for more costs the hash of a model. */
export async function hasEntries(): Promise<boolean> {
  return (await readdir(root()).catch(() => [])).length > 0;
}

/** The entry of this key, checked; null if there is none that is whole. */
export async function findEntry(model: string, key: string): Promise<TunedEntry | null> {
  const folder = join(root(), model, key);
  return (await readSeal(folder)) === null ? null : { folder };
}

/** The newest entry of this model for this environment, whatever it was calibrated on; null if there is none. */
export async function newestEntry(model: string, environment: string): Promise<TunedEntry | null> {
  const home = join(root(), model);
  const found: { folder: string; created: number }[] = [];
  for (const key of await readdir(home).catch(() => [])) {
    const seal = await readSeal(join(home, key));
    if (seal?.environment === environment) found.push({ folder: join(home, key), created: seal.created });
  }
  return found.sort((a, b) => b.created - a.created)[0] ?? null;
}

/** Stores a copy of a model folder, unless there is a whole entry already. A cache that cannot be written costs the next run its time and nothing else. */
export async function storeEntry(model: string, key: string, environment: string, source: string): Promise<void> {
  const home = join(root(), model);
  let scratch: string | undefined;
  try {
    await mkdir(home, { recursive: true });
    scratch = makeScratchFolder(home);
    await cp(source, scratch, { recursive: true });
    const seal: Seal = { environment, created: Date.now(), files: await hashAll(scratch) };
    await writeFile(join(scratch, SEAL), JSON.stringify(seal));
    const place = join(home, key);
    // Another process may have been quicker, and be loading the same from it already. What is not whole goes away.
    if ((await readSeal(place)) === null) await rename(scratch, place);
    else await rm(scratch, { recursive: true });
  } catch {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true }).catch(() => {});
  }
}

/** The seal of an entry whose files agree with it. What does not is removed, unless it is being written. */
async function readSeal(folder: string): Promise<Seal | null> {
  if (folder.includes('/.infernode-') || !(await stat(folder).catch(() => undefined))?.isDirectory()) return null;
  try {
    const seal = JSON.parse(await readFile(join(folder, SEAL), 'utf8')) as Seal;
    const files = await hashAll(folder);
    const same = Object.entries(seal.files).every(([name, hash]) => files[name] === hash);
    if (same && Object.keys(files).length === Object.keys(seal.files).length) return seal;
  } catch {}
  await rm(folder, { recursive: true, force: true }).catch(() => {});
  return null;
}

async function hashAll(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const name = relative(folder, path);
    if (entry.isFile() && name !== SEAL) hashes[name] = await hashFiles([path]);
  }
  return hashes;
}
