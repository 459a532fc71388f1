import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A server of several processes takes its time to end them all. */
const GRACE_MS = 30_000;

/** A server in a process of its own. */
export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/**
 * Starts a server on one core and waits until it answers.
 *
 * @param core the core or cores it is pinned to, as taskset has it; null for any
 * @param ready a path that answers 200 once the server is ready
 */
export async function startServer(
  command: readonly [string, ...string[]],
  { port, core, ready }: { readonly port: number; readonly core: number | string | null; readonly ready: string },
): Promise<ServerProcess> {
  const url = `http://127.0.0.1:${port}${ready}`;
  // Another server there would be measured in its place.
  const answers = await fetch(url).then(
    () => true,
    () => false,
  );
  if (answers) throw new Error(`port ${port} is in use`);
  const [file, ...args] = core === null ? command : ['taskset', '-c', String(core), ...command];
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text) => {
    said = (said + text).slice(-4000);
  });
  const abandon = () => void child.kill('SIGTERM');
  process.once('exit', abandon);
  const stop = () => {
    process.off('exit', abandon);
    return stopProcess(child);
  };
  for (const start = performance.now(); ; ) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return { port, pid: child.pid!, stop };
    if (child.exitCode !== null || performance.now() - start > 120_000) {
      await stop();
      throw new Error(`${command.join(' ')} did not start: ${said}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  await ended;
  clearTimeout(timer);
}
