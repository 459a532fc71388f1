import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BackendName } from '../backends/backend.js';
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

interface Product {
  readonly backend: BackendName;
  readonly precision: MatmulPrecision;
  readonly products: number;
  readonly file: () => Uint8Array;
  readonly inputs: () => SampleInputs;
}

function square(dtype: 'float32' | 'bfloat16' | 'int8'): Tensor {
  const data = new DTYPES[dtype].array(SIDE * SIDE);
  for (let index = 0; index < data.length; index++) {
    const noise = (Math.imul(index + 1, 0x9e3779b1) >>> 0) / 2 ** 31 - 1;
    data[index] = dtype === 'int8' ? Math.round(noise * 127) : dtype === 'bfloat16' ? numberToBfloat16(noise) : noise;
  }
  return new Tensor(dtype, data as never, [SIDE, SIDE]) as Tensor;
}

function torchProduct(precision: MatmulPrecision, dtype: 'float32' | 'bfloat16' | 'int8'): Product {
  const file = () => matmulTorchScript(dtype === 'int8' ? '_int_mm' : 'matmul');
  return { backend: 'torch', precision, products: 1, file, inputs: () => ({ a: square(dtype), b: square(dtype) }) };
}

function onnxProduct(precision: 'fp32' | 'int8'): Product {
  const x = () =>
    precision === 'int8'
      ? new Tensor('uint8', new Uint8Array(SIDE).fill(77), [1, SIDE])
      : new Tensor('float32', new Float32Array(SIDE).fill(0.77), [1, SIDE]);
  const file = () => matmulOnnx(precision, SIDE);
  return { backend: 'onnx', precision, products: PRODUCTS, file, inputs: () => ({ x: x() }) };
}

/** ONNX Runtime has no product of bfloat16 on CPUs. */
const PRODUCTS_TO_TIME: readonly Product[] = [
  onnxProduct('fp32'),
  torchProduct('fp32', 'float32'),
  torchProduct('bf16', 'bfloat16'),
  onnxProduct('int8'),
  torchProduct('int8', 'int8'),
];

/** Products of matrices that are timed in the same rounds as a model, in processes of their own. */
export class MatmulPeaks {
  readonly #rounds: number[][];

  private constructor(private readonly opened: readonly { product: Product; open: Contestant | string }[]) {
    this.#rounds = opened.map(() => []);
  }

  /** @param folder where the models are written */
  static async open(
    contestants: Contestants,
    folder: string,
    options: { readonly threads: number; readonly libtorch?: string },
  ): Promise<MatmulPeaks> {
    const opened = [];
    for (const product of PRODUCTS_TO_TIME) {
      const { backend, precision, file, inputs } = product;
      const path = join(folder, `matmul-${precision}.${backend === 'onnx' ? 'onnx' : 'pt'}`);
      await writeFile(path, file());
      const contestant = contestants.start();
      try {
        await contestant.open({ runtime: 'infernode', path, options: { ...options, backend } });
        await contestant.give([inputs()]);
        await contestant.first();
        opened.push({ product, open: contestant });
      } catch (error) {
        await contestant.end();
        opened.push({ product, open: messageOf(error) });
      }
    }
    return new MatmulPeaks(opened);
  }

  /** One round of each. */
  async time(milliseconds: number): Promise<void> {
    for (const [index, { product, open }] of this.opened.entries()) {
      if (typeof open === 'string') continue;
      // The fastest: what disturbs some calls of a model disturbs most of these, which are longer.
      const ms = Math.min(...(await open.calls(0, milliseconds)));
      this.#rounds[index]!.push((2 * SIDE ** 3 * product.products) / ms / 1e6);
    }
  }

  get results(): MatmulPeak[] {
    return this.opened.map(({ product: { backend, precision }, open }, index) => ({
      backend,
      precision,
      gops: typeof open === 'string' ? null : spreadOf(this.#rounds[index]!),
      reason: typeof open === 'string' ? open : null,
    }));
  }
}

/** The fastest product of a precision; null where none was measured. */
export function bestGops(peaks: readonly MatmulPeak[], precision: MatmulPrecision | null): number | null {
  const measured = peaks.flatMap((peak) => (peak.precision === precision && peak.gops ? [peak.gops.max] : []));
  return measured.length === 0 ? null : Math.max(...measured);
}
