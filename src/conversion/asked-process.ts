import { type ChildProcess, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { makeScratchFolder } from '../config/scratch-folder.js';
import { type ErrorCode, type ErrorDetails, InfernodeError } from '../errors.js';

/** What a child answers. */
export type Reply =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };

/** The last words of a process that crashed. */
const STDERR_BYTES = 2000;

/** A child process that is asked one thing after another. Ends with its parent, however that ends. */
export class AskedProcess<Request extends object> {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #stderr = '';
  #waiting: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined;
  #ended: InfernodeError | undefined;

  /**
   * @param script the URL of the module that the child runs; it calls `answerParent`
   * @param of what the process is of, for the message of its crash
   */
  constructor(
    script: URL,
    private readonly of: string,
  ) {
    // A process that is killed leaves its temporary files behind.
    const scratch = makeScratchFolder();
    this.#child = fork(fileURLToPath(script), {
      env: { ...process.env, TMPDIR: scratch },
      serialization: 'advanced',
      // The user's flags, such as loaders, are for the user's code.
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_BYTES);
    });
    this.#child.on('message', (reply: Reply) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (reply.ok) waiting?.resolve(reply.value);
      else waiting?.reject(new InfernodeError(reply.code, reply.message, { details: reply.details }));
    });
    this.#exited = new Promise((resolve) => {
      const end = (how: string) => {
        this.#ended ??= this.#crash(how);
        this.#waiting?.reject(this.#ended);
        this.#waiting = undefined;
        rmSync(scratch, { recursive: true, force: true });
        resolve();
      };
      this.#child.on('error', (error) => end(error.message));
      this.#child.on('close', (code, signal) => end(signal ? `signal ${signal}` : `exit code ${code}`));
    });
  }

  /** @throws InfernodeError what the child threw, or INF_BACKEND_CRASHED if it ended */
  ask<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      this.#waiting = { resolve: resolve as (value: unknown) => void, reject };
      this.#child.send(request, (error) => {
        if (error !== null) reject(this.#ended ?? this.#crash(error.message));
      });
    });
  }

  /** Ends the process; what it was asked fails. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #crash(how: string): InfernodeError {
    const words = this.#stderr.trim().split('\n').at(-1) ?? '';
    return new InfernodeError(
      'INF_BACKEND_CRASHED',
      `The process of the ${this.of} ended: ${how}${words && `: ${words}`}`,
    );
  }
}
