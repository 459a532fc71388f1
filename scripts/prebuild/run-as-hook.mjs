import { readFileSync } from 'node:fs';

/**
 * npm runs a script called `prebuild` before the script `build` as well, where it is not meant. The title of npm's process
 * tells which of the two was asked for.
 *
 * @returns {boolean} true if nobody asked for prebuilt binaries
 */
export function isHookOfBuild() {
  if (process.env.npm_lifecycle_event !== 'prebuild') return false;
  for (let pid = process.ppid; pid > 1; pid = parentOf(pid)) {
    const title = read(pid, 'cmdline').replaceAll('\0', ' ').trim();
    if (/\bnpm(-cli\.js)? (run|run-script) /.test(title)) return !/ prebuild\b/.test(title);
  }
  return false;
}

/** @param {number} pid */
function parentOf(pid) {
  return Number(/^PPid:\s*(\d+)/m.exec(read(pid, 'status'))?.[1] ?? 0);
}

/**
 * @param {number} pid
 * @param {string} file
 */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
