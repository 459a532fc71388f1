import { InfernodeError } from '../errors.js';
import { DTYPES, type DType, isDType, type TensorData } from './dtype.js';
import { isSpecialNumber, parsedElement } from './element.js';
import { elementCount, type NestedArray, Tensor } from './tensor.js';

/** A tensor as JSON. */
export interface TensorJson {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Nested arrays. NaN and the infinities are strings; so are 64-bit integers beyond 2^53. */
  readonly data: unknown;
}

/** Deeper nesting is no tensor; NumPy has the same limit. */
const MAX_DIMENSIONS = 64;

/**
 * Makes a tensor of parsed JSON: nested arrays (a bare element for a scalar), or `{dtype, shape, data}` with flat or nested
 * data. "NaN", "Infinity" and "-Infinity" stand for these floats; integers of int64 and uint64 from 2^53 on are strings.
 *
 * @param dtype the dtype to make; null for the one that the object names, else float32 for numbers, int64 for bigints, bool
 *   for booleans and string for strings
 * @throws InfernodeError INF_TENSOR_DATA for ragged arrays, mixed types and elements out of range, with the path of the
 *   element (`[0][2]`); INF_TENSOR_DTYPE, INF_TENSOR_SHAPE
 */
export function tensorFromJson(value: unknown, dtype: DType | null = null): Tensor {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return fromNested(value, dtype, null, '');
  const { dtype: named, shape, data } = value as Partial<Record<keyof TensorJson, unknown>>;
  if (data === undefined) {
    throw new InfernodeError(
      'INF_TENSOR_DATA',
      'A JSON tensor is nested arrays or {dtype, shape, data}; `data` is missing',
      {
        details: { path: 'data', expected: 'nested arrays', given: `{${Object.keys(value).slice(0, 8).join(', ')}}` },
      },
    );
  }
  if (named !== undefined && named !== null && !isDType(named)) {
    throw new InfernodeError(
      'INF_TENSOR_DTYPE',
      `Unknown dtype ${JSON.stringify(named)}; expected one of ${Object.keys(DTYPES).join(', ')}`,
    );
  }
  return fromNested(data, dtype ?? (named as DType | undefined) ?? null, shape ?? null, 'data');
}

/** The tensor as a value that `JSON.stringify` takes, and that `tensorFromJson` turns back into an equal tensor. */
export function tensorToJson(tensor: Tensor): TensorJson {
  return { dtype: tensor.dtype, shape: tensor.shape, data: toJson(tensor.toArray()) };
}

function toJson(value: NestedArray): unknown {
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

function fromNested(value: unknown, dtype: DType | null, given: unknown, root: string): Tensor {
  const measured = measure(value, root);
  const flat =
    value === null || !Array.isArray(value) ? [value] : (value.flat(Math.max(0, measured.length - 1)) as unknown[]);
  const shape = given === null ? measured : checkShape(given, measured, flat.length);
  const path = (index: number) => pathOf(index, measured, root);
  const settled = dtype ?? inferDType(flat, path);
  return new Tensor<DType>(settled, store(flat, settled, path), shape);
}

/** The shape that the data itself has must be the one given, or flat. */
function checkShape(given: unknown, measured: readonly number[], size: number): number[] {
  const expected = elementCount(given);
  const shape = given as number[];
  const nested = measured.length === shape.length && measured.every((dim, axis) => dim === shape[axis]);
  if (nested || (measured.length <= 1 && size === expected)) return shape;
  throw new InfernodeError(
    'INF_TENSOR_DATA',
    `Shape [${shape.join(', ')}] has ${expected} elements, but the data is of shape [${measured.join(', ')}]`,
    { details: { path: 'data', expected: `[${shape.join(', ')}]`, given: `[${measured.join(', ')}]` } },
  );
}

/** The shape of nested arrays, every one of which must have as many elements as its first neighbour. */
function measure(value: unknown, root: string): number[] {
  const shape: number[] = [];
  for (let first = value; Array.isArray(first); first = first[0]) {
    shape.push(first.length);
    if (shape.length > MAX_DIMENSIONS) {
      throw new InfernodeError('INF_TENSOR_DATA', `The arrays are nested deeper than ${MAX_DIMENSIONS} levels`);
    }
  }
  const visit = (item: unknown, axis: number, path: string): void => {
    const isArray = Array.isArray(item);
    if (isArray !== axis < shape.length || (isArray && item.length !== shape[axis])) {
      const expected = axis < shape.length ? `an array of ${shape[axis]}` : 'an element';
      const found = isArray ? `an array of ${item.length}` : (JSON.stringify(item) ?? String(item));
      throw new InfernodeError(
        'INF_TENSOR_DATA',
        `The arrays are ragged: ${path} must be ${expected} like its neighbours, not ${found.slice(0, 60)}`,
        { details: { path, expected, given: found } },
      );
    }
    // Elements are checked when they are stored; only arrays among them would be missed.
    if (isArray) for (let index = 0; index < item.length; index++) visit(item[index], axis + 1, `${path}[${index}]`);
  };
  visit(value, 0, root);
  return shape;
}

/** `[1][0]` for element 3 of shape [2, 3]. */
function pathOf(index: number, shape: readonly number[], root: string): string {
  let rest = index;
  const steps: number[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    steps.unshift(rest % shape[axis]!);
    rest = Math.floor(rest / shape[axis]!);
  }
  return root + steps.map((step) => `[${step}]`).join('');
}

function inferDType(flat: readonly unknown[], path: (index: number) => string): DType {
  // A special number among numbers is one, alone it is text.
  const sample = flat.find((value) => !isSpecialNumber(value)) ?? flat[0];
  const dtype = { number: 'float32', bigint: 'int64', boolean: 'bool', string: 'string' }[typeof sample as string];
  if (flat.length === 0) return 'float32';
  // Raises the error of an element that is none.
  if (dtype === undefined) parsedElement(sample, 'float32', () => path(flat.indexOf(sample)));
  return dtype as DType;
}

function store(flat: readonly unknown[], dtype: DType, path: (index: number) => string): TensorData {
  const data = dtype === 'string' ? new Array<string>(flat.length) : new DTYPES[dtype].array(flat.length);
  let index = 0;
  const where = () => path(index);
  for (; index < flat.length; index++) data[index] = parsedElement(flat[index], dtype, where) as never;
  return data;
}
