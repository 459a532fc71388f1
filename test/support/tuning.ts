import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { load, type OptimizeOptions, type OptimizeReport, optimize, Tensor } from 'infernode';
import { makeFolder } from '../unit/support/files.js';
import { bundledModel, repository } from './test-data.js';

/** Pictures for the bundled model. */
export const samples = join(bundledModel, 'samples');
export const cli = join(repository, 'dist/cli/main.js');

/** A folder to write to, and a cache that no other test has. */
export async function place(t: TestContext): Promise<string> {
  const folder = await makeFolder(t, {});
  const kept = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  t.after(() => {
    if (kept === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = kept;
  });
  return folder;
}

/** Tunes the bundled model; the shortest way there is. */
export const tune = (output: string, more: Partial<OptimizeOptions> = {}): Promise<OptimizeReport> =>
  optimize(bundledModel, { calibration: samples, output, threads: [1], ...more });

export const tuneOnnx = (output: string, more: Partial<OptimizeOptions> = {}): Promise<OptimizeReport> =>
  tune(output, { backend: 'onnx', ...more });

/** What a model like the bundled one says to a gray picture. */
export async function answer(model: string): Promise<Float32Array> {
  await using loaded = await load(model);
  const input = new Tensor('float32', new Float32Array(3 * 64 * 64).fill(0.5), [1, 3, 64, 64]);
  return Object.values(await loaded.run([input]))[0]!.data as Float32Array;
}
