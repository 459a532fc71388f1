import { type DataOf, DTYPES, type DType } from '#src/tensor/dtype';
import { numberToFloat16 } from '#src/tensor/half';
import { Tensor } from '#src/tensor/tensor';

/** A tensor to fill: elements are lo + (hi - lo) * u, rounded down for integers. */
export interface TensorRecipe {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly seed: number;
  readonly lo: number;
  readonly hi: number;
}

/** The generator of test/reference/make.py, number for number: x -> 1664525 x + 1013904223 modulo 2^32. */
export function fill({ dtype, shape, lo, hi }: TensorRecipe, seed: number): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const row = DTYPES[dtype];
  const data = new row.array(size);
  let state = seed >>> 0;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = lo + (hi - lo) * (state / 2 ** 32);
    data[i] = convert(dtype, value) as never;
  }
  return new Tensor(dtype, data as DataOf<DType>, shape);
}

function convert(dtype: DType, value: number): number | bigint {
  if (dtype === 'float32' || dtype === 'float64') return value;
  if (dtype === 'float16') return numberToFloat16(value);
  return dtype === 'int64' || dtype === 'uint64' ? BigInt(Math.floor(value)) : Math.floor(value);
}
