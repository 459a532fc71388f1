/**
 * Frees what a thread no longer uses. V8 collects while a thread works, and not in one that rests: inputs, outputs and
 * sessions would stay for as long as nothing else is to do.
 */
export async function collectGarbage(): Promise<void> {
  let inspector: typeof import('node:inspector/promises');
  try {
    inspector = await import('node:inspector/promises');
  } catch {
    // Node was built without it. The next model's work brings a collection.
    return;
  }
  const session = new inspector.Session();
  session.connect();
  // The memory of buffers is freed by another thread, for which the next collection waits.
  for (let i = 0; i < 2; i++) await session.post('HeapProfiler.collectGarbage');
  session.disconnect();
}
