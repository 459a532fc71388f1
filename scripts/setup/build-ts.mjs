import { chmodSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { withProgress } from './progress.mjs';
import { runCommand } from './run-command.mjs';
import { hashInputs, listFiles, Stamp } from './stamp.mjs';
import { ROOT } from './step.mjs';

const DIST = join(ROOT, 'dist');

/**
 * Compiles src/ to dist/, where afterwards is nothing else.
 *
 * @type {import('./step.mjs').Step}
 */
export const buildTs = {
  name: 'types',
  without: null,
  async run() {
    const stamp = new Stamp(ROOT, 'ts', hashInputs(ROOT, ['src', 'tsconfig.json', 'package-lock.json']));
    const outputs = new Set(listFiles(join(ROOT, 'src')).flatMap(outputsOf));
    const complete = [...outputs].every((file) => existsSync(join(DIST, file)));
    if (stamp.matches() && complete) return { fresh: true, text: 'dist matches src' };

    for (const file of listFiles(DIST)) if (!outputs.has(file)) rmSync(join(DIST, file));
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    await withProgress(
      'tsc',
      () => '',
      () => runCommand(tsc, ['-p', 'tsconfig.json'], { cwd: ROOT }),
    );
    const cli = join(DIST, 'cli', 'main.js');
    if (existsSync(cli)) chmodSync(cli, 0o755);
    stamp.write();
    return { fresh: false, text: `${outputs.size} files in dist` };
  },
};

/** @param {string} source such as `tensor/tensor.ts` */
function outputsOf(source) {
  if (!source.endsWith('.ts') || source.endsWith('.d.ts')) return [];
  return ['.js', '.d.ts'].map((ending) => source.replace(/\.ts$/, ending));
}
