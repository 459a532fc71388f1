import { execFile, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Absent } from '../contestants/protocol.js';
import { ROOT } from '../root.js';

const PEERS = join(ROOT, 'bench/peers/.venv/bin/python');

/** What it compiles is kept between runs. */
export const PYTHON_ENV = {
  TORCHINDUCTOR_CACHE_DIR: join(ROOT, '.build/bench/inductor'),
  PYTHONDONTWRITEBYTECODE: '1',
};

/** The Python of the peers: their own, INFERNODE_PYTHON, the project's `.venv`, or `python3`: the first that has torch and onnx. */
export const python: string | null =
  [PEERS, process.env.INFERNODE_PYTHON, join(ROOT, '.venv/bin/python'), 'python3'].find(
    (command) =>
      command !== undefined &&
      (command === 'python3' || existsSync(command)) &&
      spawnSync(command, ['-c', 'import torch, onnx']).status === 0,
  ) ?? null;

/** @throws Absent where no Python has what the peers need */
export function needPython(): string {
  if (python === null) throw new Absent('no Python has torch and onnx: npm run bench:peers installs them');
  return python;
}

/** Runs a script of bench/models. @throws with what it printed last */
export async function runScript(name: string, ...args: readonly string[]): Promise<void> {
  const script = join(ROOT, 'bench/models', name);
  const env = { ...process.env, ...PYTHON_ENV };
  await promisify(execFile)(needPython(), [script, ...args], { env }).catch((error: Error & { stderr: string }) => {
    const said = error.stderr.trim().split('\n').at(-1) || error.message;
    throw error.stderr.includes('ModuleNotFoundError') ? new Absent(said) : new Error(`${name} ${args[0]}: ${said}`);
  });
}
