/**
 * Ending a thread while the runtime works in it aborts the whole process: onnxruntime-node cannot return into a thread
 * that is being ended. Node ends all threads in `process.exit` and after an uncaught exception, so before that the
 * runtime must come to rest.
 */
import { STOP, WORK } from './protocol.js';

/** Longer work is given up, and with it the exit status. */
const LIMIT_MS = 10_000;

const guarded = new Set<Int32Array>();

/** Makes the end of the process wait for a worker's current work; `shared` as in {@link WorkerStart}. */
export function guardExit(shared: Int32Array): void {
  if (guarded.size === 0) process.on('exit', stopAll);
  guarded.add(shared);
}

/** For a worker that has ended. */
export function unguardExit(shared: Int32Array): void {
  if (guarded.delete(shared) && guarded.size === 0) process.off('exit', stopAll);
}

function stopAll(): void {
  const deadline = performance.now() + LIMIT_MS;
  for (const shared of guarded) Atomics.store(shared, STOP, 1);
  for (const shared of guarded) {
    for (;;) {
      const work = Atomics.load(shared, WORK);
      const left = deadline - performance.now();
      if (work === 0 || left <= 0) break;
      Atomics.wait(shared, WORK, work, left);
    }
  }
}

/** Says that the runtime begins to work; false, and nothing begun, if the process is about to end. In the worker. */
export function beginWork(shared: Int32Array): boolean {
  Atomics.add(shared, WORK, 1);
  if (Atomics.load(shared, STOP) === 0) return true;
  endWork(shared);
  return false;
}

/** The counterpart of {@link beginWork}. */
export function endWork(shared: Int32Array): void {
  Atomics.sub(shared, WORK, 1);
  // Nobody listens before the process ends.
  if (Atomics.load(shared, STOP) === 1) Atomics.notify(shared, WORK);
}
