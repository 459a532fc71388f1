import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { download, verify } from './download.mjs';
import { FETCHED_LIBTORCH, fetchedSource, libtorchOfUser } from './libtorch-folder.mjs';
import { downloadByPip } from './pip-download.mjs';
import { folderBytes, megabytes, withProgress } from './progress.mjs';
import { ROOT, Unavailable } from './step.mjs';
import { unpackWheel } from './unpack-wheel.mjs';

/** @type {{ version: string, file: string, url: string, bytes: number, sha256: string }} */
const PIN = JSON.parse(readFileSync(new URL('libtorch-pin.json', import.meta.url), 'utf8'));

/** Everything happens here, on the file system of `.libtorch/`; one rename at the end publishes it. */
const WORK = join(ROOT, '.build', 'libtorch');

/**
 * Gets a CPU libtorch into `.libtorch/`: libraries and headers out of one pinned wheel of PyTorch, which comes by pip,
 * so that the user's own index, mirror or folder of wheels counts, or else from PyTorch's own server. Both ways give the
 * same file, and one pinned hash decides over both. (The libtorch zip on that server would be a second file to trust,
 * with the same libraries in it.)
 *
 * @type {import('./step.mjs').Step}
 */
export const libtorch = {
  name: 'libtorch',
  without: 'the onnx backend works',
  async run() {
    const given = libtorchOfUser();
    if (given) return { fresh: true, text: `${given.folder}, set by ${given.from}` };
    const source = fetchedSource();
    if (source?.sha256 === PIN.sha256) return { fresh: true, text: `${source.version} in .libtorch` };
    if (!source && existsSync(FETCHED_LIBTORCH)) {
      throw new Error('.libtorch was not made by this step; move it away, and set INFERNODE_LIBTORCH to use it');
    }
    if (process.platform !== 'linux' || process.arch !== 'x64') {
      throw new Unavailable(`fetched for linux x64 only, this is ${process.platform} ${process.arch}`);
    }

    const { wheel, from } = await getWheel();
    await verify(wheel, PIN);
    await publish(wheel, from);
    return { fresh: false, text: `${PIN.version} from ${from}, ${megabytes(folderBytes(FETCHED_LIBTORCH))}` };
  },
};

/** @returns {Promise<{ wheel: string, from: string }>} */
async function getWheel() {
  const wheel = join(WORK, PIN.file);
  if (existsSync(wheel)) return { wheel, from: 'an earlier download' };
  const pipReason = await downloadByPip(PIN, WORK);
  if (pipReason === null) return { wheel, from: 'pip' };
  const { host } = new URL(PIN.url);
  try {
    await download(PIN.url, wheel, PIN.bytes);
    return { wheel, from: host };
  } catch (error) {
    const { message, cause } = /** @type {Error} */ (error);
    const reason = /** @type {NodeJS.ErrnoException | undefined} */ (cause)?.code ?? message;
    const advice = 'try `npm run libtorch` again, or set INFERNODE_LIBTORCH to the libtorch that you have';
    throw new Unavailable(`${pipReason}, none from ${host} (${reason}); ${advice}`);
  }
}

/**
 * @param {string} wheel
 * @param {string} from
 */
async function publish(wheel, from) {
  // A new folder each time: an unzip that outlived its setup may still be writing into the last one.
  const scratch = mkdtempSync(join(WORK, 'unpack-'));
  const unpacked = join(scratch, 'libtorch');
  await withProgress(
    'unpack libtorch',
    () => megabytes(folderBytes(scratch)),
    () => unpackWheel(wheel, unpacked, join(scratch, 'wheel')),
  );
  const { url: _, ...pinned } = PIN;
  writeFileSync(join(unpacked, 'source.json'), `${JSON.stringify({ from, ...pinned }, null, 2)}\n`);
  rmSync(FETCHED_LIBTORCH, { recursive: true, force: true });
  renameSync(unpacked, FETCHED_LIBTORCH);
  try {
    rmSync(WORK, { recursive: true });
  } catch {
    // Such an unzip again. What it leaves is in nobody's way.
  }
}
