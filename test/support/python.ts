import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repository } from './test-data.js';

const local = join(repository, '.venv/bin/python');

/** A Python that has torch, null where there is none: INFERNODE_PYTHON, the project's own `.venv`, or `python3`. */
export const torchPython: string | null =
  [process.env.INFERNODE_PYTHON, existsSync(local) ? local : undefined, 'python3'].find(
    (python) => python !== undefined && spawnSync(python, ['-c', 'import torch._inductor']).status === 0,
  ) ?? null;

/** A test's option: skips it, and says why, where no Python has torch. */
export const needsTorchPython = torchPython === null ? 'needs a Python with torch: set INFERNODE_PYTHON' : false;

/** Runs a script of the project; throws with what it printed if it fails. */
export function runPython(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(torchPython!, args, { cwd: repository, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} failed:\n${stdout}\n${stderr}`);
}
