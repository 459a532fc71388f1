import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { megabytes, withProgress } from './progress.mjs';

const STALL_SECONDS = 60;

/**
 * Downloads a file of known size. What a broken transfer left in `FILE.part` is continued by the next call; the file
 * itself appears only when all bytes are there.
 *
 * @param {string} url
 * @param {string} file
 * @param {number} bytes
 */
export async function download(url, file, bytes) {
  const part = `${file}.part`;
  mkdirSync(dirname(file), { recursive: true });
  let have = existsSync(part) ? statSync(part).size : 0;
  if (have < bytes) {
    const stall = new AbortController();
    const watchdog = setTimeout(() => stall.abort(new Error(`no data for ${STALL_SECONDS} s`)), STALL_SECONDS * 1000);
    await withProgress(
      'download',
      () => `${megabytes(have)} of ${megabytes(bytes)}`,
      async () => {
        const response = await fetch(url, {
          headers: have > 0 ? { range: `bytes=${have}-` } : {},
          signal: stall.signal,
        });
        if (!response.ok || !response.body) throw new Error(`${new URL(url).host} answered ${response.status}`);
        const continues = response.status === 206;
        if (!continues) have = 0;
        const count = new Transform({
          transform(chunk, _encoding, done) {
            watchdog.refresh();
            have += chunk.length;
            done(have > bytes ? new Error(`more than the expected ${bytes} bytes`) : null, chunk);
          },
        });
        const body = Readable.fromWeb(/** @type {import('node:stream/web').ReadableStream} */ (response.body));
        await pipeline(body, count, createWriteStream(part, { flags: continues ? 'a' : 'w' }));
      },
    ).finally(() => clearTimeout(watchdog));
  }
  if (have < bytes) throw new Error(`the transfer ended at ${have} of ${bytes} bytes`);
  renameSync(part, file);
}

/**
 * Checks size and content, and deletes the file if they are wrong, so that nothing continues from it.
 *
 * @param {string} file
 * @param {{ bytes: number, sha256: string }} expected
 * @throws {Error} that says both hashes
 */
export async function verify(file, { bytes, sha256 }) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const found = { bytes: statSync(file).size, sha256: hash.digest('hex') };
  if (found.bytes === bytes && found.sha256 === sha256) return;
  rmSync(file);
  throw new Error(
    `refused ${basename(file)}: ${found.bytes} bytes with sha256 ${found.sha256}, expected ${bytes} bytes with sha256 ${sha256}`,
  );
}
