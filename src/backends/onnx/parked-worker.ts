/**
 * The worker that waits for the next model. To start a thread takes tens of milliseconds, and Node loses some memory
 * with every thread that ends: a program that loads and closes models for days would feel it.
 */
import { ModelWorker } from './model-worker.js';

/** One, for each costs some megabytes while it waits; it does not keep the process alive. */
let parked: ModelWorker | undefined;

/** A worker without a model: the parked one, else a new one. It keeps the process alive. */
export function takeWorker(): ModelWorker {
  const worker = parked;
  parked = undefined;
  if (worker === undefined || worker.isDead) return new ModelWorker();
  worker.ref();
  return worker;
}

/** Takes back a healthy worker that holds no model; resolves once it waits or has ended. */
export async function parkWorker(worker: ModelWorker): Promise<void> {
  if (parked !== undefined && !parked.isDead) return worker.end();
  worker.unref();
  parked = worker;
}
