import { statSync } from 'node:fs';
import { join } from 'node:path';
import { listFiles } from './stamp.mjs';

const LINE_EVERY_SECONDS = 10;

/**
 * Shows that a long piece of work is alive: on a terminal one line that is rewritten each second, elsewhere (a log) one
 * line every ten seconds. Work that is over sooner prints nothing there.
 *
 * @template T
 * @param {string} label
 * @param {() => string} detail what to say beside the seconds, such as the bytes so far
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withProgress(label, detail, work) {
  const started = performance.now();
  const terminal = process.stdout.isTTY;
  const show = () => {
    const line = `${label}: ${secondsSince(started)} ${detail()}`.trimEnd();
    process.stdout.write(terminal ? `\r\x1b[K${line.slice(0, process.stdout.columns - 1)}` : `  ${line}\n`);
  };
  const timer = setInterval(show, terminal ? 1000 : LINE_EVERY_SECONDS * 1000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (terminal) process.stdout.write('\r\x1b[K');
  }
}

/**
 * @param {number} started a reading of performance.now()
 * @returns {string} such as `3 s` or `0.2 s`
 */
export function secondsSince(started) {
  const seconds = (performance.now() - started) / 1000;
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}

/**
 * @param {string} folder
 * @returns {number} what the files in it hold at this moment; others may be writing and removing there
 */
export function folderBytes(folder) {
  try {
    return listFiles(folder).reduce((bytes, file) => bytes + statSync(join(folder, file)).size, 0);
  } catch {
    return 0;
  }
}
