import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { basename, delimiter, join } from 'node:path';

const TAIL_BYTES = 64 * 1024;
const GRACE_MS = 2000;

/** A command that could not be started, did not exit with 0, or took too long. */
export class CommandError extends Error {
  /**
   * @param {string} message
   * @param {string} output the end of what it printed
   */
  constructor(message, output) {
    super(message);
    this.output = output;
  }
}

/**
 * Runs a command to its end and keeps the last part of what it prints, stdout and stderr together.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, limitSeconds?: number, onOutput?: (text: string) => void }} [options]
 * @returns {Promise<string>}
 * @throws {CommandError}
 */
export function runCommand(command, args, { cwd, env, limitSeconds, onOutput } = {}) {
  const name = basename(command);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    let overdue = false;
    const collect = (/** @type {string} */ text) => {
      output = (output + text).slice(-TAIL_BYTES);
      onOutput?.(text);
    };
    child.stdout.setEncoding('utf8').on('data', collect);
    child.stderr.setEncoding('utf8').on('data', collect);

    const limit = limitSeconds === undefined ? undefined : setTimeout(end, limitSeconds * 1000);
    function end() {
      overdue = true;
      child.kill('SIGTERM');
      setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
    }

    child.on('error', (error) => {
      clearTimeout(limit);
      const missing = /** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT';
      reject(new CommandError(missing ? `${name} is not installed` : error.message, output));
    });
    // A grandchild that outlives the command keeps the pipes open, and 'close' would never come.
    child.on('exit', () =>
      setTimeout(() => [child.stdout, child.stderr].map((pipe) => pipe.destroy()), GRACE_MS).unref(),
    );
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      if (overdue) reject(new CommandError(`${name} took longer than ${limitSeconds} s`, output));
      else if (code === 0) resolve(output);
      else reject(new CommandError(`${name} ${signal ? `was ended by ${signal}` : `exited with ${code}`}`, output));
    });
  });
}

/**
 * @param {string} command
 * @returns {boolean} true if PATH has such a program
 */
export function isOnPath(command) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
