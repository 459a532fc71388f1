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
import { type Spread, spreadOf } from './figures.js';
import { matmulOnnx, PRODUCTS } from './matmul-onnx.js';
import { matmulTorchScript } from './matmul-torchscript.js';
import type { MatmulPrecision } from './protocol.js';

/** Large enough for full speed, small enough for a short round. */
export const SIDE = 1024;

/** How fast a backend multiplies two matrices of {@link SIDE} rows and columns. */
export interface MatmulPeak {
  readonly backend: BackendName;
  readonly precision: MatmulPrecision;
  /** Billions of operations a second, of the fastest call of each round; a multiplication and its addition are two. Null where it could not be measured. */
  readonly gops: Spread | null;
  readonly reason: string | null;
}

/** A model of products, and what it is given for each precision. */
interface Program {
  readonly backend: BackendName;
  /** How many products a call computes. */
  readonly products: number;
  readonly file: string;
  readonly content: () => Uint8Array;
  readonly inputs: readonly (readonly [precision: MatmulPrecision, inputs: () => SampleInputs])[];
}

function square(dtype: 'float32' | 'bfloat16' | 'int8'): Tensor {
  const data = new DTYPES[dtype].array(SIDE * SIDE);
  for (let index = 0; index < data.length; index++) {
    const noise = (Math.imul(index + 1, 0x9e3779b1) >>> 0) / 2 ** 31 - 1;
    data[index] = dtype === 'int8' ? Math.round(noise * 127) : dtype === 'bfloat16' ? numberToBfloat16(noise) : noise;
  }
  return new Tensor(dtype, data as never, [SIDE, SIDE]) as Tensor;
}

function torchProgram(): Program {
  const given = (dtype: 'float32' | 'bfloat16' | 'int8') => () => {
    const matrix = square(dtype);
    return { a: matrix, b: matrix, integers: dtype === 'int8' };
  };
  return {
    backend: 'torch',
    products: 1,
    file: 'matmul.pt',
    content: matmulTorchScript,
    inputs: [
      ['fp32', given('float32')],
      ['bf16', given('bfloat16')],
      ['int8', given('int8')],
    ],
  };
}

/** ONNX Runtime has no product of bfloat16 on CPUs. */
function onnxProgram(precision: 'fp32' | 'int8'): Program {
  const row = () =>
    precision === 'int8'
      ? new Tensor('uint8', new Uint8Array(SIDE).fill(77), [1, SIDE])
      : new Tensor('float32', new Float32Array(SIDE).fill(0.77), [1, SIDE]);
  const file = `matmul-${precision}.onnx`;
  const content = () => matmulOnnx(precision, SIDE);
  return { backend: 'onnx', products: PRODUCTS, file, content, inputs: [[precision, () => ({ x: row() })]] };
}

/** One product in one process, and its rounds; or why there are none. */
interface Product {
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

/** Opens a program and tries each of its products, which this CPU may lack. */
async function openProgram(
  program: Program,
  contestant: Contestant,
  folder: string,
  options: { readonly threads: number; readonly libtorch?: string },
): Promise<Product[]> {
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
  const products: Product[] = [];
  for (const [input, [precision]] of inputs.entries()) {
    const absent =
      problem ?? lacking(backend, precision) ?? (await contestant.calls(input, 0).then(() => null, messageOf));
    products.push({ program, precision, contestant, input, absent, rounds: [] });
  }
  return products;
}

/** Products of matrices that are timed in the same rounds as a model, in processes of their own. */
export class MatmulPeaks {
  private constructor(private readonly products: readonly Product[]) {}

  /** @param folder where the models are written */
  static async open(
    contestants: Contestants,
    folder: string,
    options: { readonly threads: number; readonly libtorch?: string },
  ): Promise<MatmulPeaks> {
    const products: Product[] = [];
    for (const program of [onnxProgram('fp32'), onnxProgram('int8'), torchProgram()]) {
      products.push(...(await openProgram(program, contestants.start(), folder, options)));
    }
    return new MatmulPeaks(products);
  }

  /** One round of each. */
  async time(milliseconds: number): Promise<void> {
    for (const { program, contestant, input, absent, rounds } of this.products) {
      if (absent !== null) continue;
      // The fastest: what disturbs some calls of a model disturbs most of these, which are longer.
      const ms = Math.min(...(await contestant.calls(input, milliseconds)));
      rounds.push((2 * SIDE ** 3 * program.products) / ms / 1e6);
    }
  }

  get results(): MatmulPeak[] {
    return this.products.map(({ program: { backend }, precision, absent, rounds }) => ({
      backend,
      precision,
      gops: absent === null ? spreadOf(rounds) : null,
      reason: absent,
    }));
  }
}

/** The fastest product of a precision; null where none was measured. */
export function bestGops(peaks: readonly MatmulPeak[], precision: MatmulPrecision | null): number | null {
  const measured = peaks.flatMap((peak) => (peak.precision === precision && peak.gops ? [peak.gops.max] : []));
  return measured.length === 0 ? null : Math.max(...measured);
}
