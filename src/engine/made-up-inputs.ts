import type { Dim, InputValue, Signature, ValueInfo } from '../backends/backend.js';
import type { ModelConfig } from '../config/model-config.js';
import { type DataOf, DTYPES, type DType } from '../tensor/dtype.js';
import { numberToBfloat16, numberToFloat16 } from '../tensor/half.js';
import { elementCount, Tensor } from '../tensor/tensor.js';

/** What the sizes of pictures, and of anything else, usually are. Tried in turn where a model leaves them open. */
const PICTURE_SIZES = [224, 64, 32, 28, 96, 299];
const OTHER_SIZES = [16, 128, 80, 512, 1];
/** What a row usually is, where a model says nothing at all: pictures, features or tokens. */
const ROW_SHAPES = [[3, 224, 224], [3, 32, 32], [1, 28, 28], [16], [80, 64]] as const;

/** Whether and how inputs can be made up for a model. */
export interface InputMaker {
  /** How many ways there are to fill open sizes. */
  readonly attempts: number;
  /** Inputs of one row. Equal numbers give equal inputs. Null if there is no telling what the model takes. */
  make(attempt: number, seed: number): InputValue[] | null;
}

/**
 * Makes inputs up that a model is likely to take: tensors of small numbers in the shapes of the signature or of model.json, 1
 * for a number, false for a truth value. Optional inputs are left out.
 */
export function inputMaker(signature: Signature, config: ModelConfig | null): InputMaker {
  const infos = signature.inputs.filter(({ optional }) => !optional).map((info) => withConfig(info, config));
  const attempts = attemptsFor(infos);
  return {
    attempts,
    make(attempt, seed) {
      const values = infos.map((info) => madeUp(info, { attempt, seed, config }));
      return values.includes(undefined) ? null : values;
    },
  };
}

interface Recipe {
  readonly attempt: number;
  readonly seed: number;
  readonly config: ModelConfig | null;
}

/** Where shapes are unknown, each is tried with floats, then with integers. */
function attemptsFor(infos: readonly ValueInfo[]): number {
  const tensors = infos.filter(({ kind }) => kind === 'tensor');
  if (tensors.some(({ shape }) => shape === null)) return 2 * ROW_SHAPES.length;
  return tensors.some(hasOpenSizes) ? PICTURE_SIZES.length : 1;
}

/** model.json knows better, where the file of the model does not say. */
function withConfig(info: ValueInfo, config: ModelConfig | null): ValueInfo {
  const said = config?.inputs?.find(({ name }) => name === info.name);
  return { ...info, dtype: info.dtype ?? said?.dtype ?? null, shape: said?.shape ?? info.shape };
}

function hasOpenSizes({ shape }: ValueInfo): boolean {
  return shape?.slice(1).some((dim) => typeof dim !== 'number') ?? false;
}

function madeUp(info: ValueInfo, recipe: Recipe): InputValue | undefined {
  switch (info.kind) {
    case 'tensor':
      return tensorOf(info.dtype ?? dtypeOf(recipe), info.shape ?? [null, ...rowShapeOf(recipe)], recipe);
    case 'int':
    case 'float':
      return 1;
    case 'bool':
      return false;
    case 'tuple': {
      const items = (info.items ?? []).map((item) => madeUp(item, recipe));
      return items.includes(undefined) ? undefined : items;
    }
    default:
      return undefined;
  }
}

function dtypeOf({ attempt }: Recipe): DType {
  return attempt < ROW_SHAPES.length ? 'float32' : 'int64';
}

function rowShapeOf({ attempt }: Recipe): readonly number[] {
  return ROW_SHAPES[attempt % ROW_SHAPES.length]!;
}

function tensorOf(dtype: DType, dims: readonly Dim[], recipe: Recipe): Tensor {
  const shape = (dims[0] === '...' ? [null, ...dims.slice(1)] : dims).map((dim, axis) =>
    typeof dim === 'number' ? dim : sizeOf(dims, axis, recipe),
  );
  const size = elementCount(shape);
  if (dtype === 'string') return new Tensor('string', new Array<string>(size).fill('a'), shape);
  const data = new DTYPES[dtype].array(size);
  for (let index = 0; index < size; index++) data[index] = elementOf(dtype, index, recipe.seed) as never;
  return Tensor.trusted<DType>(dtype, data as DataOf<DType>, shape);
}

function sizeOf(dims: readonly Dim[], axis: number, { attempt, config }: Recipe): number {
  const dim = dims[axis];
  if (axis === 0 || (typeof dim === 'string' && dim === dims[0])) return 1;
  if (dims.length !== 4) return OTHER_SIZES[attempt % OTHER_SIZES.length]!;
  const image = config?.processing?.image;
  const sides = image?.crop ?? image?.resize ?? null;
  if (attempt > 0 || sides === null) return PICTURE_SIZES[attempt % PICTURE_SIZES.length]!;
  if (typeof sides === 'number') return sides;
  return sides[axis === (image!.layout === 'nchw' ? 2 : 1) ? 0 : 1];
}

/** Numbers without a pattern for floats; 1 or 2 for integers, which every vocabulary has. */
function elementOf(dtype: DType, index: number, seed: number): number | bigint {
  const scrambled = Math.imul(index + seed * 7919 + 1, 0x9e3779b1) >>> 0;
  switch (dtype) {
    case 'float32':
    case 'float64':
      return scrambled / 2 ** 31 - 1;
    case 'float16':
      return numberToFloat16(scrambled / 2 ** 31 - 1);
    case 'bfloat16':
      return numberToBfloat16(scrambled / 2 ** 31 - 1);
    case 'int64':
    case 'uint64':
      return BigInt(1 + (scrambled >>> 31));
    case 'bool':
      return 1;
    default:
      return 1 + (scrambled >>> 31);
  }
}
