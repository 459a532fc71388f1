import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '../../config/cache-folder.js';
import { moduleUrl } from '../../config/package-root.js';
import type { BackendDescription } from './addon.js';

/** What a child process that opened the native libraries found; the description is null if it opened the core alone. */
export type ProbeResult<Description = BackendDescription | null> =
  | { readonly ok: true; readonly description: Description }
  | { readonly ok: false; readonly reason: string };

const child = fileURLToPath(moduleUrl('backends/native/probe-child.js'));
const TIMEOUT_MS = 60_000;

/**
 * Opens add-on, libtorch and backend in a child process and runs the first operation there: a library for another CPU or
 * another libtorch crashes the child, not the user's server. A success is remembered on disk by the size and time of every
 * file involved, so a later process does not pay for it again.
 */
export function probeNative(
  core: string,
  backend: string,
  libraries: readonly string[],
): Promise<ProbeResult<BackendDescription>> {
  return probeFiles([core, backend, ...libraries]) as Promise<ProbeResult<BackendDescription>>;
}

/** The same for the add-on without any backend. */
export function probeCore(core: string): Promise<ProbeResult> {
  return probeFiles([core]);
}

async function probeFiles(files: readonly string[]): Promise<ProbeResult> {
  const key = await fingerprint(files);
  const known = (await readCache())[key];
  if (known !== undefined) return { ok: true, description: known };
  const result = await runChild(files);
  if (result.ok) await remember(key, result.description);
  return result;
}

function runChild(args: readonly string[]): Promise<ProbeResult> {
  return new Promise((settle) => {
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' };
    execFile(process.execPath, [child, ...args], { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const answer = parse(stdout);
      if (answer !== undefined) return settle(answer);
      const how = error?.signal ? `crashed with ${error.signal}` : `ended with exit code ${error?.code ?? 0}`;
      const text = stderr.trim().split('\n').at(-1) ?? '';
      settle({ ok: false, reason: `loading it ${how}${text ? `: ${text}` : ''}` });
    });
  });
}

function parse(stdout: string): ProbeResult | undefined {
  try {
    return JSON.parse(stdout) as ProbeResult;
  } catch {
    return undefined;
  }
}

async function fingerprint(files: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(
    `${process.version} ${process.arch} ${process.env.LD_LIBRARY_PATH ?? ''} ${visibleGpus()}`,
  );
  for (const file of files) {
    const { size, mtimeMs, ino } = await stat(file);
    hash.update(`${file} ${size} ${mtimeMs} ${ino}\n`);
  }
  return hash.digest('hex');
}

/** What changes the devices of a backend without changing a file of it. */
function visibleGpus(): string {
  const { CUDA_VISIBLE_DEVICES = 'all' } = process.env;
  try {
    return `${CUDA_VISIBLE_DEVICES} ${readdirSync('/proc/driver/nvidia/gpus').join(' ')}`;
  } catch {
    return `${CUDA_VISIBLE_DEVICES} no driver`;
  }
}

type Cache = Record<string, BackendDescription | null | undefined>;

function cacheFile(): string {
  return join(cacheFolder(), 'probes.json');
}

async function readCache(): Promise<Cache> {
  try {
    const cache: unknown = JSON.parse(await readFile(cacheFile(), 'utf8'));
    return typeof cache === 'object' && cache !== null ? (cache as Cache) : {};
  } catch {
    return {};
  }
}

/** A cache that cannot be written (read-only home) costs the next process a probe and nothing else. */
async function remember(key: string, description: BackendDescription | null): Promise<void> {
  const file = cacheFile();
  const temporary = `${file}.${process.pid}`;
  const recent = Object.entries(await readCache()).slice(-15);
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, JSON.stringify({ ...Object.fromEntries(recent), [key]: description }));
    await rename(temporary, file);
  } catch {}
}
