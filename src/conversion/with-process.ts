import { CandidateProcess } from './candidate-process.js';

/** Runs `use` with a child process that ends with it, and at once when the signal says so. Starts none after that. */
export async function withProcess<T>(
  signal: AbortSignal | undefined,
  use: (process: CandidateProcess) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const process = new CandidateProcess();
  const end = () => void process.end();
  signal?.addEventListener('abort', end, { once: true });
  try {
    return await use(process);
  } finally {
    signal?.removeEventListener('abort', end);
    await process.end();
  }
}
