import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { availableCores } from '#src/config/thread-budget';

/** Ends with whoever started it, however that ends. */
const SPIN = 'const parent = process.ppid; for (let i = 0; ; i++) if (i % 1e6 === 0 && process.ppid !== parent) break';
const START_MS = 200;

/**
 * Keeps every core from going idle, by a process on each that yields to all others at once (SCHED_IDLE). A core that slept takes some
 * 30 to 400 us to wake, in a virtual machine by the mood of its host: that would be most of what varies from day to day.
 */
export class AwakeCores {
  /** Calls of `asleep` under way. */
  private sleepers = 0;

  private constructor(private readonly spinners: readonly ChildProcess[]) {}

  /**
   * @returns null where that cannot be done, or would take from what is measured: off Linux, where threads share a core, or where
   *   this process may not use all the time of all cores
   */
  static async start(): Promise<AwakeCores | null> {
    if (process.platform !== 'linux' || sharesCores() || availableCores() < cpus().length) return null;
    const spinners = cpus().map((_, core) => {
      const command = ['-c', String(core), 'chrt', '--idle', '0', process.execPath, '-e', SPIN];
      const spinner = spawn('taskset', command, { stdio: 'ignore' }).on('error', () => {});
      spinner.unref();
      return spinner;
    });
    const cores = new AwakeCores(spinners);
    await setTimeout(START_MS);
    if (spinners.every(({ pid, exitCode }) => pid !== undefined && exitCode === null)) return cores;
    cores.end();
    return null;
  }

  /** Does something while cores may go idle, which may itself call this. */
  async asleep<T>(what: () => Promise<T>): Promise<T> {
    if (this.sleepers++ === 0) this.#send('SIGSTOP');
    try {
      return await what();
    } finally {
      if (--this.sleepers === 0) this.#send('SIGCONT');
    }
  }

  end(): void {
    this.#send('SIGKILL');
  }

  #send(signal: NodeJS.Signals): void {
    for (const spinner of this.spinners) spinner.kill(signal);
  }
}

/** Whether cores run two threads each: one that is kept awake takes from the other. */
function sharesCores(): boolean {
  try {
    return readFileSync('/sys/devices/system/cpu/smt/active', 'latin1').trim() !== '0';
  } catch {
    return true;
  }
}
