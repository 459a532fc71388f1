/**
 * Runs what Ctrl-C or SIGTERM shall abort, and waits until it has cleaned up. A second signal ends the process as ever.
 *
 * @throws what `body` throws, INF_ABORTED if it was aborted
 */
export async function untilInterrupted<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = () => controller.abort(new Error('interrupted'));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await body(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
