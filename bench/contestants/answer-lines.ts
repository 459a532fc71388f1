import { createInterface } from 'node:readline';
import { Absent } from './protocol.js';

/** Answers, in a process that `LineProcess` started, the questions on standard input. What libraries print goes to standard error. */
export async function answerLines<Ask extends { readonly ask: string }, Replies extends Record<Ask['ask'], object>>(
  answers: { readonly [K in Ask['ask']]: (question: Extract<Ask, { ask: K }>) => Promise<Replies[K]> },
): Promise<void> {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr) as typeof process.stdout.write;
  // Nobody is left to work for; a question under way, or a model that is still open, would keep the process.
  process.stdin.once('end', () => process.exit());
  for await (const line of createInterface({ input: process.stdin })) {
    const question = JSON.parse(line) as Extract<Ask, { ask: Ask['ask'] }>;
    const reply = await answers[question.ask as Ask['ask']](question).catch((error: Error) =>
      error instanceof Absent ? { absent: error.message } : { error: error.stack ?? error.message },
    );
    write(`${JSON.stringify(reply)}\n`);
  }
}
