import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { availableCores, defaultThreads } from './thread-budget.js';

/** The CPU features that decide how fast inference is, by the names that Linux gives them, about as they came to be. */
const FEATURES: Readonly<Record<string, string>> = {
  avx2: 'avx2',
  fma: 'fma',
  avx512f: 'avx512f',
  avx512_vnni: 'avx512_vnni',
  avx512_bf16: 'avx512_bf16',
  avx_vnni: 'avx_vnni',
  amx_int8: 'amx_int8',
  amx_bf16: 'amx_bf16',
  asimd: 'neon',
  asimddp: 'neon_dotprod',
  i8mm: 'neon_i8mm',
  bf16: 'neon_bf16',
  sve: 'sve',
};

/** What this machine is, as far as inference goes. */
export interface SystemInfo {
  readonly node: string;
  readonly platform: string;
  readonly arch: string;
  /** `glibc 2.36`, `musl`, or null on other systems than Linux. */
  readonly libc: string | null;
  readonly cpu: { readonly model: string; readonly features: readonly string[] | null };
  /** Cores the process may use, and the threads an inference gets by default. */
  readonly cores: number;
  readonly threads: number;
  readonly memoryBytes: number;
}

/** Asks the system; needs no backend. */
export function systemInfo(): SystemInfo {
  return {
    node: process.version,
    platform: process.platform,
    arch: process.arch,
    libc: libcVersion(),
    cpu: { model: cpus()[0]?.model.trim() || 'unknown', features: cpuFeatures() },
    cores: availableCores(),
    threads: defaultThreads(),
    memoryBytes: memory(),
  };
}

/** `glibc 2.36`, `musl`, or null on other systems than Linux. */
export function libcVersion(): string | null {
  if (process.platform !== 'linux') return null;
  // Its default looks up the names of open connections.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork?: boolean };
  report.excludeNetwork = true;
  const { header } = report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'musl' : `glibc ${header.glibcVersionRuntime}`;
}

/** Null where the system does not say. */
function cpuFeatures(): string[] | null {
  let text: string;
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return null;
  }
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/));
  return Object.keys(FEATURES).flatMap((flag) => (flags.has(flag) ? [FEATURES[flag]!] : []));
}

/** What the process may use: the machine's memory, or the limit of its container. */
function memory(): number {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
