import { InfernodeError } from '../errors.js';
import { type DataOf, DTYPES, type DType, isDType, type TensorData } from './dtype.js';
import { bfloat16ToNumber, float16ToNumber } from './half.js';

/** Nested arrays of elements, as JSON carries a tensor; a bare element for a scalar. */
export type NestedArray = NestedArray[] | number | bigint | boolean | string;

/**
 * A dense, row-major (C-contiguous) array of elements.
 *
 * `data` is not copied: the tensor and the caller share it, and an input tensor must be neither changed nor transferred
 * until its `run` has settled. `shape` is copied. float16 and bfloat16 hold their bits in a Uint16Array, bool holds 0 or 1
 * in a Uint8Array, string holds an array of strings.
 */
export class Tensor<D extends DType = DType> {
  readonly dtype: D;
  /** Non-negative safe integers, outermost first; empty for a scalar. */
  readonly shape: readonly number[];
  readonly data: DataOf<D>;

  /**
   * @param dtype element type
   * @param data elements in row-major order; its length is the product of `shape`
   * @param shape sizes, outermost first; by default one dimension of `data.length`
   * @throws InfernodeError INF_TENSOR_DTYPE, INF_TENSOR_SHAPE, INF_TENSOR_DATA or INF_TENSOR_DETACHED
   */
  constructor(dtype: D, data: DataOf<D>, shape: readonly number[] = [data?.length]) {
    checkTensor(dtype, data, shape);
    this.dtype = dtype;
    this.data = data;
    this.shape = Object.freeze([...shape]);
  }

  /** The number of elements. */
  get size(): number {
    return this.data.length;
  }

  /** The bytes of the elements; for strings, of their UTF-8 text. */
  get byteLength(): number {
    const { data } = this as { data: TensorData };
    if (!Array.isArray(data)) return data.byteLength;
    return data.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
  }

  /** The elements as numbers: half floats decoded, 64-bit integers rounded to the nearest double. Strings throw. */
  toNumbers(): number[] | Float32Array | Float64Array {
    const { data, dtype } = this as { data: TensorData; dtype: DType };
    if (Array.isArray(data)) {
      throw new InfernodeError('INF_TENSOR_DTYPE', 'A string tensor has no numbers; read its data instead');
    }
    if (dtype === 'float16') return Float32Array.from(data as Uint16Array, float16ToNumber);
    if (dtype === 'bfloat16') return Float32Array.from(data as Uint16Array, bfloat16ToNumber);
    if (data instanceof Float32Array || data instanceof Float64Array) return data;
    return Array.from(data as ArrayLike<number | bigint>, Number);
  }

  /** The elements as nested arrays of numbers, bigints (int64, uint64), booleans or strings. */
  toArray(): NestedArray {
    const { data, dtype } = this as { data: TensorData; dtype: DType };
    const flat: ArrayLike<number | bigint | string> =
      dtype === 'float16' || dtype === 'bfloat16' ? this.toNumbers() : data;
    const element = (index: number): NestedArray => {
      const value = flat[index]!;
      return dtype === 'bool' ? value !== 0 : value;
    };
    return nest(this.shape, element);
  }

  /** Exactly one element, whatever the shape. */
  item(): number | bigint | boolean | string {
    if (this.size !== 1) {
      throw new InfernodeError('INF_TENSOR_SHAPE', `item() needs one element; this tensor has ${this.size}`);
    }
    let value = this.toArray();
    while (Array.isArray(value)) value = value[0]!;
    return value;
  }

  /**
   * A tensor around data that is already known to be right: a backend's output. Checks nothing.
   * @internal
   */
  static trusted<D extends DType>(dtype: D, data: DataOf<D>, shape: readonly number[]): Tensor<D> {
    const tensor = Object.create(Tensor.prototype);
    tensor.dtype = dtype;
    tensor.data = data;
    tensor.shape = shape;
    return tensor;
  }
}

/** Throws unless `dtype`, `data` and `shape` make a tensor. */
export function checkTensor(dtype: unknown, data: unknown, shape: unknown): void {
  if (!isDType(dtype)) {
    throw new InfernodeError(
      'INF_TENSOR_DTYPE',
      `Unknown dtype ${show(dtype)}; expected one of ${Object.keys(DTYPES).join(', ')}`,
    );
  }
  const row = DTYPES[dtype];
  const carrier = row.array.name;
  // By name, not by instanceof: an array may come from another realm, as in Jest. A Buffer is a Uint8Array and welcome.
  const isCarrier = dtype === 'string' ? Array.isArray(data) : ArrayBuffer.isView(data) && arrayName(data) === carrier;
  if (!isCarrier) {
    const given = (data as object | undefined)?.constructor?.name ?? typeof data;
    throw new InfernodeError(
      'INF_TENSOR_DATA',
      `A ${dtype} tensor needs its elements in the form of ${carrier}, not of ${given}`,
      {
        details: { expected: carrier, given },
      },
    );
  }
  const size = elementCount(shape);
  const { length } = data as ArrayLike<unknown>;
  if (length === size) {
    if (dtype === 'string') checkStrings(data as unknown[]);
    return;
  }
  if (length === 0 && isDetached(data as ArrayBufferView)) {
    throw new InfernodeError(
      'INF_TENSOR_DETACHED',
      "The tensor's ArrayBuffer is detached: it was transferred to another thread",
    );
  }
  throw new InfernodeError(
    'INF_TENSOR_DATA',
    `Shape [${(shape as number[]).join(', ')}] has ${size} elements, but the data has ${length}`,
    {
      details: { expected: `${size} elements`, given: `${length} elements` },
    },
  );
}

/** Whether the data still has the length that the shape says. A buffer may be transferred or shrunk at any time. */
export function isWhole({ data, shape }: Pick<Tensor, 'data' | 'shape'>): boolean {
  let size = 1;
  for (const dim of shape) size *= dim;
  return data.length === size;
}

/**
 * The product of the dimensions.
 * @throws InfernodeError INF_TENSOR_SHAPE unless `shape` is an array of non-negative integers whose product is a safe integer
 */
export function elementCount(shape: unknown): number {
  if (!Array.isArray(shape)) {
    throw new InfernodeError('INF_TENSOR_SHAPE', `A shape is an array of dimensions, not ${show(shape)}`);
  }
  let size = 1;
  let product = 1;
  for (let axis = 0; axis < shape.length; axis++) {
    const dim: unknown = shape[axis];
    if (typeof dim !== 'number' || !Number.isSafeInteger(dim) || dim < 0) {
      throw new InfernodeError(
        'INF_TENSOR_SHAPE',
        `Dimension ${axis} of shape [${shape.map(show).join(', ')}] is not a non-negative integer`,
        {
          details: { expected: 'non-negative integers', given: `[${shape.map(show).join(', ')}]` },
        },
      );
    }
    size *= dim;
    // A zero elsewhere must not hide an overflow, so the product of the other dimensions counts.
    if (dim !== 0) product *= dim;
    if (product > Number.MAX_SAFE_INTEGER) {
      throw new InfernodeError('INF_TENSOR_SHAPE', `Shape [${shape.map(show).join(', ')}] has more than 2^53 elements`);
    }
  }
  return size;
}

/** `Float32Array` and so on, whatever subclass or realm. */
function arrayName(view: ArrayBufferView): string {
  return (view as unknown as { [Symbol.toStringTag]: string })[Symbol.toStringTag];
}

/** Node 20 has no `ArrayBuffer.prototype.detached`; a view of a detached buffer has lost its length and its offset. */
function isDetached(view: ArrayBufferView): boolean {
  const buffer = view.buffer as ArrayBuffer & { detached?: boolean };
  if (buffer === undefined) return false;
  if (buffer.detached !== undefined) return buffer.detached;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}

function checkStrings(data: unknown[]): void {
  const index = data.findIndex((element) => typeof element !== 'string');
  if (index >= 0) {
    throw new InfernodeError(
      'INF_TENSOR_DATA',
      `Element ${index} of a string tensor is ${show(data[index])}, not a string`,
    );
  }
}

function nest(shape: readonly number[], element: (index: number) => NestedArray): NestedArray {
  let next = 0;
  const build = (axis: number): NestedArray => {
    if (axis === shape.length) return element(next++);
    return Array.from({ length: shape[axis]! }, () => build(axis + 1));
  };
  return build(0);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' && value !== null ? (value.constructor?.name ?? 'object') : String(value);
}
