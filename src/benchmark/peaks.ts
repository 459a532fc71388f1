import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackendName } from '../backends/backend.js';
import { hasBfloat16, hasVnni } from '../config/cpu-features.js';
import { systemInfo } from '../config/system-info.js';
import type { SampleInputs } from '../conversion/build.js';
import { messageOf } from '../errors.js';
import { DTYPES } from '../tensor/dtype.js';
import { numberToBfloat16 } from '../tensor/half.js';
import { Tensor } from '../tensor/tensor.js';
import type { Contestant, Contestants } from './contestant.js';
import { CONVOLUTION, CONVOLUTION_OPERATIONS } from './convolution.js';
import { convolutionOnnx } from './convolution-onnx.js';
import { type Spread, spreadOf } from './figures.js';
import { convolutionTorchScript, matmulTorchScript } from './limits-torchscript.js';
import { matmulOnnx, PRODUCTS } from './matmul-onnx.js';

import type { MatmulPrecision } from './protocol.js';

/** Large enough for full speed, small enough for a short round. */
export const SIDE = 1024;

/** What limits are measured of: products of matrices of {@link SIDE} rows and columns, and {@link CONVOLUTION}s. */
export type Operation = 'product' | 'convolution';

/** How fast a backend does one of them. */
export interface Peak {
  readonly operation: Operation;
  readonly backend: BackendName;
  readonly precision: MatmulPrecision;
  /** Billions of operations a second, of the fastest call of each round; a multiplication and its addition are two. Null where it could not be measured. */
  readonly gops: Spread | null;
  readonly reason: string | null;
}

/** A model that does little else, and what it is given for each precision. */
interface Program {
  readonly operation: Operation;
  readonly backend: BackendName;
  /** Of one call, a multiplication and its addition being two. */
  readonly operations: number;
  readonly file: string;
  readonly content: () => Uint8Array;
  readonly inputs: readonly (readonly [precision: MatmulPrecision, inputs: () => SampleInputs])[];
}

function noise(dtype: 'float32' | 'bfloat16' | 'int8', shape: readonly number[]): Tensor {
  const data = new DTYPES[dtype].array(shape.reduce((size, dim) => size * dim));
  for (let index = 0; index < data.length; index++) {
    const value = (Math.imul(index + 1, 0x9e3779b1) >>> 0) / 2 ** 31 - 1;
    data[index] = dtype === 'int8' ? Math.round(value * 127) : dtype === 'bfloat16' ? numberToBfloat16(value) : value;
  }
  return new Tensor(dtype, data as never, shape) as Tensor;
}

function torchProduct(): Program {
  const given = (dtype: 'float32' | 'bfloat16' | 'int8') => () => {
    const matrix = noise(dtype, [SIDE, SIDE]);
    return { a: matrix, b: matrix, integers: dtype === 'int8' };
  };
  return {
    operation: 'product',
    backend: 'torch',
    operations: 2 * SIDE ** 3,
    file: 'matmul.pt',
    content: matmulTorchScript,
    inputs: [
      ['fp32', given('float32')],
      ['bf16', given('bfloat16')],
      ['int8', given('int8')],
    ],
  };
}

/** INT8 takes weights that were packed before, which no plain program has. */
function torchConvolution(): Program {
  const { rows, channels, side, kernel } = CONVOLUTION;
  const given = (dtype: 'float32' | 'bfloat16') => () => ({
    x: noise(dtype, [rows, channels, side, side]),
    w: noise(dtype, [channels, channels, kernel, kernel]),
  });
  return {
    operation: 'convolution',
    backend: 'torch',
    operations: CONVOLUTION_OPERATIONS,
    file: 'convolution.pt',
    content: () => convolutionTorchScript(kernel),
    inputs: [
      ['fp32', given('float32')],
      ['bf16', given('bfloat16')],
    ],
  };
}

/** ONNX Runtime has no product or convolution of bfloat16 on CPUs. */
function onnxProduct(precision: 'fp32' | 'int8'): Program {
  const row = () =>
    precision === 'int8'
      ? new Tensor('uint8', new Uint8Array(SIDE).fill(77), [1, SIDE])
      : new Tensor('float32', new Float32Array(SIDE).fill(0.77), [1, SIDE]);
  const file = `matmul-${precision}.onnx`;
  const content = () => matmulOnnx(precision, SIDE);
  const operations = 2 * SIDE ** 3 * PRODUCTS;
  return {
    operation: 'product',
    backend: 'onnx',
    operations,
    file,
    content,
    inputs: [[precision, () => ({ x: row() })]],
  };
}

function onnxConvolution(precision: 'fp32' | 'int8'): Program {
  const { channels } = CONVOLUTION;
  const pixel = () =>
    precision === 'int8'
      ? new Tensor('uint8', new Uint8Array(channels).fill(77), [1, channels, 1, 1])
      : new Tensor('float32', new Float32Array(channels).fill(0.77), [1, channels, 1, 1]);
  return {
    operation: 'convolution',
    backend: 'onnx',
    operations: CONVOLUTION_OPERATIONS,
    file: `convolution-${precision}.onnx`,
    content: () => convolutionOnnx(precision),
    inputs: [[precision, () => ({ x: pixel() })]],
  };
}

const programs = () => [
  onnxProduct('fp32'),
  onnxProduct('int8'),
  torchProduct(),
  onnxConvolution('fp32'),
  onnxConvolution('int8'),
  torchConvolution(),
];

/** One program in one process and precision, and its rounds; or why there are none. */
interface Trial {
  readonly program: Program;
  readonly precision: MatmulPrecision;
  readonly contestant: Contestant;
  readonly input: number;
  readonly absent: string | null;
  readonly rounds: number[];
}

/** libtorch multiplies without such instructions as well, but takes seconds. */
function lacking(backend: BackendName, precision: MatmulPrecision): string | null {
  if (backend !== 'torch') return null;
  const system = systemInfo();
  if (precision === 'bf16' && !hasBfloat16(system)) return 'the CPU has no instructions for bfloat16';
  if (precision === 'int8' && !hasVnni(system)) return 'the CPU has no instructions for sums of 8-bit products';
  return null;
}

/** Opens a program and tries each of its precisions, which this CPU may lack. */
async function openProgram(
  program: Program,
  contestant: Contestant,
  folder: string,
  options: { readonly threads: number; readonly libtorch?: string },
): Promise<Trial[]> {
  const { backend, file, content, inputs } = program;
  const path = join(folder, file);
  let problem: string | null = null;
  try {
    await writeFile(path, content());
    await contestant.open({ runtime: 'infernode', path, options: { ...options, backend } });
    await contestant.give(inputs.map(([, make]) => make()));
  } catch (error) {
    problem = messageOf(error);
  }
  const trials: Trial[] = [];
  for (const [input, [precision]] of inputs.entries()) {
    const absent =
      problem ?? lacking(backend, precision) ?? (await contestant.calls(input, 0).then(() => null, messageOf));
    trials.push({ program, precision, contestant, input, absent, rounds: [] });
  }
  return trials;
}

/** What a machine does at most, timed in the same rounds as a model, in processes of its own. */
export class Peaks {
  private constructor(private readonly trials: readonly Trial[]) {}

  /** @param folder where the models are written */
  static async open(
    contestants: Contestants,
    folder: string,
    options: { readonly threads: number; readonly libtorch?: string },
  ): Promise<Peaks> {
    const trials: Trial[] = [];
    for (const program of programs()) {
      trials.push(...(await openProgram(program, contestants.start(), folder, options)));
    }
    return new Peaks(trials);
  }

  /** One round of each. */
  async time(milliseconds: number): Promise<void> {
    for (const { program, contestant, input, absent, rounds } of this.trials) {
      if (absent !== null) continue;
      // The fastest: what disturbs some calls of a model disturbs most of these, which are longer.
      const ms = Math.min(...(await contestant.calls(input, milliseconds)));
      rounds.push(program.operations / ms / 1e6);
    }
  }

  get results(): Peak[] {
    return this.trials.map(({ program: { operation, backend }, precision, absent, rounds }) => ({
      operation,
      backend,
      precision,
      gops: absent === null ? spreadOf(rounds) : null,
      reason: absent,
    }));
  }
}

/** The fastest of a precision; null where none was measured. */
export function bestGops(peaks: readonly Peak[], precision: MatmulPrecision | null): number | null {
  const measured = peaks.flatMap((peak) => (peak.precision === precision && peak.gops ? [peak.gops.max] : []));
  return measured.length === 0 ? null : Math.max(...measured);
}
