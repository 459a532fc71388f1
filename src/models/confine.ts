import { realpath, stat } from 'node:fs/promises';
import { sep } from 'node:path';
import { InfernodeError } from '../errors.js';

/** Settings and labels are small; a longer file is something else. */
const LARGEST_TEXT = 16 * 2 ** 20;

/**
 * Makes sure that a path lies within `root` when all links are followed. Without a root, every path is fine.
 *
 * @param root a folder without links in its path, null where the user named the path himself
 * @throws InfernodeError INF_MODEL_UNSAFE if it leads out, INF_MODEL_NOT_FOUND if it leads nowhere
 */
export async function confine(path: string, root: string | null): Promise<void> {
  if (root === null) return;
  const real = await realpath(path).catch((cause: NodeJS.ErrnoException) => {
    const what = cause.code === 'ENOENT' ? 'There is no' : 'Cannot follow';
    throw new InfernodeError('INF_MODEL_NOT_FOUND', `${what} ${path}`, { cause, details: { path } });
  });
  if (real === root || real.startsWith(root.endsWith(sep) ? root : root + sep)) return;
  throw new InfernodeError('INF_MODEL_UNSAFE', `${path} is a link that leads out of the repository`, {
    details: { path },
  });
}

/** As `confine`, for a text that is to be read: a regular file, and not a huge one. */
export async function confineText(path: string, root: string | null): Promise<void> {
  await confine(path, root);
  const stats = await stat(path).catch(() => undefined);
  // Opening a pipe would wait for its writer.
  const problem =
    stats !== undefined && !stats.isFile()
      ? 'is no regular file'
      : (stats?.size ?? 0) > LARGEST_TEXT
        ? `is larger than ${LARGEST_TEXT} bytes`
        : undefined;
  if (problem !== undefined) {
    throw new InfernodeError('INF_MODEL_CONFIG', `${path} ${problem}`, { details: { file: path, path: '' } });
  }
}
