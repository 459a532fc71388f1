import { existsSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { isOnPath, runCommand } from './run-command.mjs';
import { Unavailable } from './step.mjs';

/** Libraries of the wheel that serve Python or PyTorch's own tests. */
const NOT_FOR_INFERENCE = /^lib(torch_python|backend_with_compiler|aoti_custom_ops|shm.*|.*test)\.so/;
const REQUIRED = ['lib/libtorch.so', 'lib/libtorch_cpu.so', 'lib/libc10.so', 'include/torch/script.h'];

/**
 * Takes the C++ part out of a torch wheel: libraries, headers, CMake files and licences.
 *
 * @param {string} wheel
 * @param {string} target a folder to make; `lib/`, `include/`, `share/` and `licenses/` go into it
 * @param {string} scratch a folder to make on the same file system, for the whole wheel
 */
export async function unpackWheel(wheel, target, scratch) {
  mkdirSync(scratch, { recursive: true });
  if (isOnPath('unzip')) {
    const parts = ['torch/lib/*', 'torch/include/*', 'torch/share/*', '*.dist-info/licenses/*'];
    await runCommand('unzip', ['-q', wheel, ...parts, '-d', scratch]);
  } else if (isOnPath('python3')) {
    await runCommand('python3', ['-m', 'zipfile', '-e', wheel, scratch]);
  } else {
    throw new Unavailable('nothing here unpacks a zip file; install unzip or python3');
  }

  mkdirSync(join(target, 'lib'), { recursive: true });
  const libraries = readdirSync(join(scratch, 'torch', 'lib')).filter((name) => /\.so(\.\d+)*$/.test(name));
  for (const name of libraries.filter((name) => !NOT_FOR_INFERENCE.test(name))) {
    renameSync(join(scratch, 'torch', 'lib', name), join(target, 'lib', name));
  }
  for (const name of ['include', 'share']) renameSync(join(scratch, 'torch', name), join(target, name));
  const info = readdirSync(scratch).find((name) => name.endsWith('.dist-info'));
  if (info) renameSync(join(scratch, info, 'licenses'), join(target, 'licenses'));

  const missing = REQUIRED.filter((path) => !existsSync(join(target, path)));
  if (missing.length > 0) throw new Error(`the wheel has no ${missing.join(', ')}`);
}
