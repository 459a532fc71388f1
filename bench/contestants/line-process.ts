import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Absent, type Refusal } from './protocol.js';

const LAST_WORDS = 2000;

/**
 * A process that is asked one thing after another, by JSON lines.
 *
 * @typeParam Ask what it can be asked
 * @typeParam Replies what it answers to each
 */
export class LineProcess<Ask extends { readonly ask: string }, Replies extends Record<Ask['ask'], object>> {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<void>;
  #said = '';
  #failure: Error | undefined;
  #waiting: { resolve: (line: string) => void; reject: (error: Error) => void } | undefined;

  constructor([command, ...args]: readonly [string, ...string[]], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(command, args, { env: { ...process.env, ...env }, stdio: 'pipe' });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-LAST_WORDS);
    });
    // A process that is gone says so by its end.
    this.#child.stdin.on('error', () => {});
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#waiting?.resolve(line);
      this.#waiting = undefined;
    });
    this.#ended = new Promise((resolve) => {
      const end = (error: Error) => {
        this.#failure ??= error;
        this.#waiting?.reject(this.#failure);
        resolve();
      };
      this.#child.on('error', ({ message }) => end(new Absent(message)));
      this.#child.on('close', (code, signal) => end(new Error(`it ended by ${signal ?? code}: ${this.#said.trim()}`)));
    });
  }

  /** @throws Absent, or an error with what the process said */
  async ask<T extends Ask>(question: T): Promise<Replies[T['ask']]> {
    const line = await new Promise<string>((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      this.#waiting = { resolve, reject };
      this.#child.stdin.write(`${JSON.stringify(question)}\n`);
    });
    const reply = JSON.parse(line) as object | Refusal;
    if ('absent' in reply) throw new Absent(reply.absent);
    if ('error' in reply) throw new Error(reply.error);
    return reply as Replies[T['ask']];
  }

  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
