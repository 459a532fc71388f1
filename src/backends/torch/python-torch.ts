import { spawn } from 'node:child_process';
import { endGroup } from './end-group.js';

/** Where the torch package of `python3` is, or why there is none. */
export type PythonTorch = { readonly path: string } | { readonly path: null; readonly reason: string };

/** Finding a package takes a twentieth of a second; who takes longer, hangs. */
const LIMIT_MS = 3_000;

/** Finds the package without importing it, which would take a second and start Python threads. */
const SCRIPT =
  'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")';

/** Asks the `python3` on PATH. Never throws. */
export function pythonTorch(): Promise<PythonTorch> {
  return new Promise((settle) => {
    const none = (reason: string) => settle({ path: null, reason });
    // A group of its own, for python3 may be a script that waits for another process.
    const child = spawn('python3', ['-c', SCRIPT], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let hangs = false;
    const timer = setTimeout(() => {
      hangs = true;
      endGroup(child, 'SIGKILL');
    }, LIMIT_MS);
    const text = { out: '', err: '' };
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text.out += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (text.err += part));
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      none(error.code === 'ENOENT' ? 'there is no python3 on PATH' : `python3 does not start: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const path = text.out.trim();
      if (hangs) none(`python3 did not answer within ${LIMIT_MS / 1000} seconds`);
      else if (code !== 0) none(`python3 does not work: ${lastLine(text.err) ?? `it ended with ${signal ?? code}`}`);
      else if (path === '') none('python3 has no torch package');
      else settle({ path });
    });
  });
}

function lastLine(text: string): string | undefined {
  return text.trim().split('\n').at(-1) || undefined;
}
