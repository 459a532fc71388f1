import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../config/cache-folder.js';
import type { ProbeResult } from './probe-process.js';

/** How many successes are kept. */
const KEPT = 16;
/** Of /proc/cpuinfo; what it says of the first CPU fits, and asking for all of them takes long on large machines. */
const CPU_BYTES = 8192;

export interface ProbeOptions {
  /** Whether to probe again what an earlier process found to work. */
  readonly fresh?: boolean;
}

/**
 * The result of a probe, from the disk if it succeeded before with the same files on the same kind of machine. What they
 * depend on besides, such as a library of the system, may have gone since: whoever then fails to open them asks `fresh`.
 *
 * @param files all that the probe opens by name
 * @param isDescription whether what the disk holds is what such a probe answers
 */
export async function remembered<Description>(
  files: readonly string[],
  { fresh = false }: ProbeOptions,
  isDescription: (value: unknown) => value is Description,
  probe: () => Promise<ProbeResult<Description>>,
): Promise<ProbeResult<Description>> {
  const key = await fingerprint(files);
  const known = (await readCache())[key];
  if (!fresh && known !== undefined && isDescription(known)) return { ok: true, description: known };
  const result = await probe();
  if (result.ok) await store(key, result.description);
  else if (known !== undefined) await store(key, undefined);
  return result;
}

/** For probes of which there is nothing to tell but that they succeeded. */
export function isNull(value: unknown): value is null {
  return value === null;
}

async function fingerprint(files: readonly string[]): Promise<string> {
  const { LD_LIBRARY_PATH = '' } = process.env;
  const hash = createHash('sha256').update(
    `${process.version} ${process.arch} ${LD_LIBRARY_PATH} ${visibleGpus()} ${cpuFlags()}`,
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

/** An image, or a home on the network, moves to other CPUs; there a library may crash that did not crash here. */
function cpuFlags(): string {
  try {
    const file = openSync('/proc/cpuinfo', 'r');
    try {
      const buffer = Buffer.alloc(CPU_BYTES);
      const text = buffer.toString('latin1', 0, readSync(file, buffer));
      return /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim() ?? '';
    } finally {
      closeSync(file);
    }
  } catch {
    return '';
  }
}

type Cache = Readonly<Record<string, unknown>>;

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
async function store(key: string, description: unknown): Promise<void> {
  const file = cacheFile();
  const temporary = `${file}.${process.pid}`;
  const { [key]: _, ...others } = await readCache();
  const recent = Object.fromEntries(Object.entries(others).slice(1 - KEPT));
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(temporary, JSON.stringify({ ...recent, [key]: description }));
    await rename(temporary, file);
  } catch {}
}
