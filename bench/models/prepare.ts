import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listBackends, type OptimizeReport, optimize, type Tensor, writeNpy } from 'infernode';
import type { MatmulPrecision } from '#src/benchmark/protocol';
import { hasVnni } from '#src/config/cpu-features';
import { libraryVersions } from '#src/config/environment';
import { systemInfo } from '#src/config/system-info';
import type { BenchModel } from './catalogue.js';
import { MADE, made } from './made.js';
import { runScript } from './python.js';

const MAKE = 'bench/models/make.py';
const CATALOGUE = 'bench/models/catalogue.ts';
const SAMPLES = 16;

/** The files NAME.pt and NAME.onnx. @throws Absent without a Python that makes them */
export async function modelFiles({ name }: BenchModel): Promise<{ readonly pt: string; readonly onnx: string }> {
  const folder = await made(`models/${name}`, { files: [MAKE] }, (target) => runScript('make.py', target, name));
  return { pt: join(folder, `${name}.pt`), onnx: join(folder, `${name}.onnx`) };
}

/** One of the two. */
export const pt = async (model: BenchModel): Promise<string> => (await modelFiles(model)).pt;
export const onnx = async (model: BenchModel): Promise<string> => (await modelFiles(model)).onnx;

/** A folder as pipelines of @huggingface/transformers load it. */
export function pipelineFolder(): Promise<string> {
  const files = [MAKE, 'bench/models/pipeline.py'];
  return made('models/pipeline', { files }, (target) => runScript('pipeline.py', target));
}

/** A folder of AOTInductor packages, one for each batch size. */
export async function packages(
  { name }: BenchModel,
  batches: readonly number[],
  precision: 'fp32' | 'bf16',
  threads: number,
): Promise<string> {
  const files = [MAKE, 'bench/models/aotinductor.py'];
  for (const batch of batches) {
    await made(`aotinductor/${name}-${precision}-${threads}/${batch}.pt2`, { files }, (target) =>
      runScript('aotinductor.py', name, String(batch), precision, String(threads), target),
    );
  }
  return join(MADE, `aotinductor/${name}-${precision}-${threads}`);
}

/** The ONNX model that onnxruntime's own tools quantize. */
export async function onnxInt8(model: BenchModel): Promise<string> {
  const { onnx } = await modelFiles(model);
  const samples = await Promise.all(Array.from({ length: SAMPLES }, (_, index) => inputFolder(model, 1, index + 2)));
  const files = [MAKE, CATALOGUE, 'bench/models/onnx_int8.py'];
  const settings = [model.int8, hasVnni(systemInfo()) ? 'vnni' : 'plain'];
  return made(`int8/${model.name}.onnx`, { files, more: settings }, (target) =>
    runScript('onnx_int8.py', onnx, target, ...settings, ...samples),
  );
}

/** The model folder that `optimize` writes, with both runtimes to choose from. */
export async function tunedFolder(model: BenchModel, threads: number): Promise<string> {
  const { pt, onnx } = await modelFiles(model);
  const more = [threads, libraryVersions(await listBackends())];
  return made(`tuned/${model.name}-${threads}`, { files: [MAKE, CATALOGUE], more }, async (target) => {
    const source = join(MADE, 'repository', model.name);
    await mkdir(join(source, '1'), { recursive: true });
    await cp(pt, join(source, '1/model.pt'));
    await cp(onnx, join(source, '1/model.onnx'));
    const calibration = Array.from({ length: SAMPLES }, (_, index) => model.inputs(1, index + 2));
    await optimize(source, { calibration, output: target, threads: [threads], cache: false });
  });
}

/** What the model of a tuned folder computes in, by the report of `optimize`; null where no limit is measured for it. */
export async function tunedPrecision(folder: string): Promise<MatmulPrecision | null> {
  const { candidates } = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as OptimizeReport;
  const { precision } = candidates.find(({ verdict }) => verdict === 'chosen')!;
  return precision === 'fp16' ? null : precision;
}

/** A folder with a .npy file for each input of a call. */
export function inputFolder(model: BenchModel, samples: number, seed = 1): Promise<string> {
  return made(`inputs/${model.name}-${samples}-${seed}`, { files: [CATALOGUE] }, async (target) => {
    await mkdir(target, { recursive: true });
    for (const [name, tensor] of Object.entries(model.inputs(samples, seed))) {
      await writeFile(join(target, `${name}.npy`), writeNpy(tensor as Tensor));
    }
  });
}

/** The same, as peers are told of them: the files by the names of the inputs. */
export async function inputFiles(model: BenchModel, samples: number): Promise<Record<string, string>> {
  const folder = await inputFolder(model, samples);
  const names = Object.keys(model.inputs(1));
  return Object.fromEntries(names.map((name) => [name, join(folder, `${name}.npy`)]));
}
