import { readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeScratchFolder } from '../../config/scratch-folder.js';
import { InfernodeError, messageOf } from '../../errors.js';
import { checkLoads } from './load-check.js';
import type { ModelProto } from './onnx-proto.js';
import { writeModel } from './write-model.js';

/**
 * Writes a converted model beside its target, loads it to see that the runtime takes it, and puts it in its place.
 * Returns the bytes written, data beside the model included.
 *
 * @throws InfernodeError INF_CONVERSION_FAILED; the target is what it was before
 */
export async function publishModel(target: string, model: ModelProto): Promise<number> {
  const parent = dirname(resolve(target));
  const folder = makeFolder(parent);
  try {
    const written = join(folder, basename(target));
    const bytesAfter = await writeModel(written, model);
    await checkLoads(written);
    // The data first: the model means nothing without it.
    const files = (await readdir(folder)).sort((a, b) => b.length - a.length);
    for (const file of files) await rename(join(folder, file), join(parent, file));
    return bytesAfter;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function makeFolder(parent: string): string {
  try {
    return makeScratchFolder(parent);
  } catch (cause) {
    throw new InfernodeError('INF_CONVERSION_FAILED', `${parent} cannot be written to: ${messageOf(cause)}`, {
      cause,
      details: { path: parent, given: (cause as NodeJS.ErrnoException).code ?? '' },
    });
  }
}
