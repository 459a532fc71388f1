import { chmod, copyFile, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ModelConfig } from '../config/model-config.js';
import { makeScratchFolder } from '../config/scratch-folder.js';
import { loadPrecision } from '../conversion/build.js';
import { InfernodeError, messageOf } from '../errors.js';
import type { OptimizeReport } from './optimize-report.js';
import type { Built } from './trial.js';

const REPORT = 'report.json';

/**
 * Writes a tuned model as a model folder: `1/` with the file, `model.json` with how to load it, and `report.json`. The folder
 * appears whole or not at all; an earlier one made here is replaced.
 *
 * @throws InfernodeError INF_OPTION_INVALID if something else is in the way, INF_CONVERSION_FAILED if it cannot be written
 */
export async function writeArtefact(
  output: string,
  built: Built,
  threads: number,
  config: ModelConfig | null,
  report: OptimizeReport,
): Promise<void> {
  await replaceFolder(output, async (folder) => {
    const { build, file } = built;
    const home = join(folder, '1');
    await mkdir(home);
    const target = join(
      home,
      build.format === 'onnx' ? 'model.onnx' : build.format === 'aotinductor' ? 'model.pt2' : 'model.pt',
    );
    // The data beside an ONNX file has to come along.
    if (build.format === 'onnx') await copyOnnx(file, target);
    else await copyFile(file, target);
    await chmod(target, 0o644);
    const precision = loadPrecision(build);
    // How the original was to be loaded is settled anew.
    const { precision: _, layout: __, ...others } = config ?? {};
    const settings: ModelConfig = {
      ...others,
      backend: build.backend,
      threads,
      ...(precision !== 'auto' && { precision }),
      ...(build.layout && { layout: build.layout }),
    };
    await writeFile(join(folder, 'model.json'), `${JSON.stringify(settings, null, 2)}\n`);
    await writeFile(join(folder, REPORT), `${JSON.stringify(report, null, 2)}\n`);
  });
}

/** Fills a new folder and puts it in the place of the old one. */
export async function replaceFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const parent = dirname(resolve(path));
  await checkFree(path);
  let scratch: string | undefined;
  try {
    await mkdir(parent, { recursive: true });
    scratch = makeScratchFolder(parent);
    // Nobody else may read a scratch folder; a server often runs as somebody else.
    await chmod(scratch, 0o755);
    await fill(scratch);
    const old = `${scratch}.old`;
    await rename(path, old).catch(() => {});
    await rename(scratch, path);
    await rm(old, { recursive: true, force: true });
  } catch (cause) {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
    if (cause instanceof InfernodeError) throw cause;
    throw new InfernodeError('INF_CONVERSION_FAILED', `${path} cannot be written: ${messageOf(cause)}`, { cause });
  }
}

/** @throws InfernodeError INF_OPTION_INVALID if there is something that was not made here, or no folder can be */
export async function checkFree(path: string): Promise<void> {
  const why = await whyTaken(path);
  if (why === undefined) return;
  throw new InfernodeError('INF_OPTION_INVALID', `The output ${path} cannot be made: ${why}`, {
    details: { name: 'output', expected: 'a folder that is new, empty, or from an earlier optimize', given: path },
  });
}

async function whyTaken(path: string): Promise<string | undefined> {
  try {
    const entries = await readdir(path);
    if (entries.length === 0 || entries.includes(REPORT)) return undefined;
    return 'it is in the way, for it holds something other than a tuned model';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code !== 'ENOTDIR') return messageOf(error);
    const file = await firstFile(resolve(path));
    return file === resolve(path) ? 'it is in the way, for it is a file' : `${file} is a file, not a folder`;
  }
}

/** Of a path that leads through a file, that file. */
async function firstFile(path: string): Promise<string> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  );
  return isThere || path === dirname(path) ? path : firstFile(dirname(path));
}

/** Imported late: whoever imports the SDK need not wait for what reads and writes ONNX. */
async function copyOnnx(file: string, target: string): Promise<void> {
  const [{ readModel }, { writeModel }] = await Promise.all([
    import('../conversion/onnx/read-model.js'),
    import('../conversion/onnx/write-model.js'),
  ]);
  await writeModel(target, await readModel(file));
}
