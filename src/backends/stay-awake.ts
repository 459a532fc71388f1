import { availableCores } from '../config/thread-budget.js';

const AWAKE_MS = 0.05;
/** On a single core, a thread that waits awake keeps the other from working. */
const SPARE_CORE = availableCores() > 1;

/**
 * Keeps this thread's event loop from sleeping for a moment, as long as `waiting()`: when its core has gone idle, waking it
 * takes some 30 us, many times a small inference. Whatever else the loop has to do, it does meanwhile.
 */
export function stayAwake(waiting: () => boolean): void {
  if (!SPARE_CORE) return;
  const end = performance.now() + AWAKE_MS;
  const look = () => {
    if (waiting() && performance.now() < end) setImmediate(look);
  };
  setImmediate(look);
}

/** The same for a thread that blocks: returns when `waiting()` no longer holds, or after the moment. */
export function blockAwake(waiting: () => boolean): void {
  if (!SPARE_CORE) return;
  const end = performance.now() + AWAKE_MS;
  while (waiting() && performance.now() < end);
}
