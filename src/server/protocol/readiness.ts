import type { Engine } from '../../engine/engine.js';
import { InfernodeError } from '../../errors.js';

/** A message names so many models at the most. */
const MOST_NAMED = 5;

/** Asks whether the process can still do its work. @throws InfernodeError INF_DEVICE_FAILED if it must be started again */
export function checkLive(engine: Engine): void {
  if (engine.failure === null) return;
  throw new InfernodeError('INF_DEVICE_FAILED', 'A device has failed for good: the server must be started again');
}

/**
 * Asks whether all models of the start serve.
 *
 * @param isTrusted whether the answer may go into details
 * @throws InfernodeError INF_MODEL_NOT_READY, which names those that do not, and why; INF_DEVICE_FAILED
 */
export function checkReady(engine: Engine, isTrusted: boolean): void {
  if (engine.ready) return;
  const { failure } = engine;
  if (failure !== null) {
    const about = isTrusted ? failure.message : 'a device has failed for good';
    throw new InfernodeError('INF_DEVICE_FAILED', `The server is not ready: ${about}`);
  }
  const awaited = engine.awaited();
  const named = awaited.slice(0, MOST_NAMED).map(({ name, version, state, reason }) => {
    const what = version === null ? `"${name}"` : `"${name}" version ${version}`;
    return `${what} is ${state}: ${reason}`;
  });
  const more = awaited.length > MOST_NAMED ? [`and ${awaited.length - MOST_NAMED} more`] : [];
  const models = awaited.length === 1 ? '1 model does not serve' : `${awaited.length} models do not serve`;
  const about = awaited.length === 0 ? '' : isTrusted ? `: ${[...named, ...more].join('; ')}` : `: ${models}`;
  throw new InfernodeError('INF_MODEL_NOT_READY', `The server is not ready${about}`);
}
