import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { folderBytes, megabytes, withProgress } from './progress.mjs';
import { CommandError, runCommand } from './run-command.mjs';

const LIMIT_SECONDS = 15 * 60;
const PLATFORM = '--only-binary=:all: --python-version 3.11 --implementation cp --abi cp311';
const WHEEL_PLATFORM = '--platform manylinux_2_28_x86_64';
// An index that is down must not hold up the others for minutes.
const PATIENCE = '--retries 1 --timeout 15';

/**
 * Downloads the wheel by pip, with the user's own settings: indexes, mirrors, folders of wheels. Which Python runs pip
 * does not matter, the wheel is named in full.
 *
 * @param {{ version: string, file: string }} pin
 * @param {string} folder where the file goes
 * @returns {Promise<string | null>} why there is no such file; null if there is one
 */
export async function downloadByPip({ version, file }, folder) {
  // pip collects the parts in its temporary folder, where they can be counted.
  const temporary = join(folder, 'pip');
  mkdirSync(temporary, { recursive: true });
  const flags = `${PLATFORM} ${WHEEL_PLATFORM} ${PATIENCE}`.split(' ');
  const args = ['-m', 'pip', 'download', '--no-deps', ...flags, '-d', folder, `torch==${version}`];
  const env = { TMPDIR: temporary, PIP_DISABLE_PIP_VERSION_CHECK: '1' };
  try {
    await withProgress(
      'pip download torch',
      () => megabytes(folderBytes(temporary)),
      () => runCommand('python3', args, { env, limitSeconds: LIMIT_SECONDS }),
    );
    return existsSync(join(folder, file)) ? null : `pip found a torch ${version} that is not ${file}`;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const lastLine = error.output.trim().split('\n').at(-1)?.replace('ERROR: ', '');
    return `no torch by pip (${lastLine || error.message})`;
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}
