import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DTYPES } from '#src/tensor/dtype';
import { writeNpy } from '#src/tensor/npy';
import { Tensor } from '#src/tensor/tensor';
import { reduceRange } from './cpu.js';
import { repository } from './test-data.js';

export type OnnxInputs = Record<string, Tensor>;

/** What Python's onnxruntime.quantization made of a model; null where it failed. */
export interface PeerModels {
  readonly static: string | null;
  readonly dynamic: string | null;
  readonly fp16: string | null;
  readonly failures: Readonly<Record<string, string>>;
}

const local = join(repository, '.venv/bin/python');

/** A Python with onnxruntime, its quantization tools and torch. */
export const onnxPython: string | null =
  [process.env.INFERNODE_PYTHON, existsSync(local) ? local : undefined, 'python3'].find(
    (python) =>
      python !== undefined && spawnSync(python, ['-c', 'import onnxruntime.quantization, torch']).status === 0,
  ) ?? null;

/** A test's option: skips it, and says why, where there is no such Python. */
export const needsOnnxPython =
  onnxPython === null ? 'needs a Python with onnxruntime, onnx and torch: set INFERNODE_PYTHON' : false;

export function runOnnxPython(...args: string[]): void {
  const { status, stdout, stderr } = spawnSync(onnxPython!, args, { cwd: repository, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')} failed:\n${stdout}\n${stderr}`);
}

/** Quantizes a model with Python, by samples as `calibrate` takes them, into a folder. */
export async function quantizeWithPython(
  model: string,
  samples: readonly OnnxInputs[],
  folder: string,
  method: 'MinMax' | 'Percentile' | 'Entropy' = 'MinMax',
): Promise<PeerModels> {
  await mkdir(folder, { recursive: true });
  for (const name of Object.keys(samples[0] ?? {})) {
    const tensors = samples.map((sample) => sample[name]!);
    await writeFile(join(folder, `${name}.npy`), writeNpy(stack(tensors)));
  }
  const path = (name: string) => join(folder, name);
  const files = { static: path('static.onnx'), dynamic: path('dynamic.onnx'), fp16: path('fp16.onnx') };
  const job = { model, samples: folder, failures: path('failures.json'), method, reduceRange, ...files };
  await writeFile(path('job.json'), JSON.stringify(job));
  runOnnxPython(join(repository, 'test/support/quantize_onnx.py'), path('job.json'));
  const made = (file: string) => (existsSync(file) ? file : null);
  return {
    static: made(files.static),
    dynamic: made(files.dynamic),
    fp16: made(files.fp16),
    failures: JSON.parse(readFileSync(path('failures.json'), 'utf8')),
  };
}

/** One more axis in front, unlike `stackTensors`, which joins batches. */
function stack(tensors: readonly Tensor[]): Tensor {
  const { dtype, shape, size } = tensors[0]!;
  const data = new DTYPES[dtype].array(size * tensors.length) as Float32Array;
  for (const [index, tensor] of tensors.entries()) data.set(tensor.data as Float32Array, index * size);
  return new Tensor(dtype, data as never, [tensors.length, ...shape]);
}
