import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/**
 * The CPU cores this process may use: its affinity mask, cut by the CPU quota of its cgroup. A container that was given two
 * CPUs of a 64-core machine has two, whatever the machine shows.
 */
export function availableCores(): number {
  return Math.max(1, Math.min(availableParallelism(), Math.ceil(cgroupQuota())));
}

/**
 * The intra-op threads that inference gets by default: every core but one, for the event loop is a busy thread as well. When
 * more OpenMP threads than free cores meet at a barrier, each waits for one that is not running, and an inference of 70 ms
 * was measured to take 2,600 ms.
 */
export function defaultThreads(): number {
  return Math.max(1, availableCores() - 1);
}

/** CPUs by the cgroup's quota, version 2 or 1; Infinity where there is none. */
function cgroupQuota(): number {
  const [quota, period] = readNumbers('/sys/fs/cgroup/cpu.max') ?? [
    readNumbers('/sys/fs/cgroup/cpu/cpu.cfs_quota_us')?.[0],
    readNumbers('/sys/fs/cgroup/cpu/cpu.cfs_period_us')?.[0],
  ];
  const cores = (quota ?? Number.NaN) / (period ?? Number.NaN);
  return cores > 0 ? cores : Number.POSITIVE_INFINITY;
}

function readNumbers(file: string): number[] | undefined {
  try {
    return readFileSync(file, 'utf8').trim().split(/\s+/).map(Number);
  } catch {
    return undefined;
  }
}
