import type { ChildProcess } from 'node:child_process';

/** Ends a child process that was started `detached`, and with it whatever it has started. */
export function endGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended just now.
  }
}
