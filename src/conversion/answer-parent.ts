import { InfernodeError, messageOf } from '../errors.js';
import type { Reply } from './asked-process.js';

/** Answers, in a child process of `AskedProcess`, what the parent asks, one after the other. */
export function answerParent<Request>(answer: (request: Request) => Promise<unknown>): void {
  process.on('message', async (request: Request) => {
    let reply: Reply;
    try {
      reply = { ok: true, value: await answer(request) };
    } catch (error) {
      const [code, details] =
        error instanceof InfernodeError ? [error.code, error.details] : ['INF_INTERNAL' as const, {}];
      reply = { ok: false, code, message: messageOf(error), details };
    }
    // The parent may have gone.
    if (process.connected) process.send!(reply, undefined, undefined, () => {});
  });
  // A child whose parent is gone has nobody to work for, and may be in the middle of a long call.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
}
