import { type Int64, toNumber } from '../../backends/onnx/onnx-schema.js';
import { float16ToNumber } from '../../tensor/half.js';
import { ELEMENT } from './element-type.js';
import { makeTensor, type TensorProto } from './onnx-proto.js';

/** The sizes of a tensor, outermost first. */
export function dimsOf(tensor: TensorProto): number[] {
  return tensor.dims.map(toNumber);
}

/** The number of elements of a tensor of these sizes. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/**
 * The elements of a float tensor; undefined for any other type. A view of the file's bytes where they are aligned, so
 * it must not be written to.
 */
export function floatsOf(tensor: TensorProto): Float32Array | undefined {
  if (tensor.dataType === ELEMENT.float32) {
    if (tensor.rawData === undefined || tensor.rawData === null || tensor.rawData.length === 0) {
      return Float32Array.from(tensor.floatData);
    }
    return alignedView(tensor.rawData, Float32Array);
  }
  if (tensor.dataType === ELEMENT.float16) {
    const bits = tensor.rawData?.length ? alignedView(tensor.rawData, Uint16Array) : tensor.int32Data;
    return Float32Array.from(bits as ArrayLike<number>, float16ToNumber);
  }
  return undefined;
}

/** The elements of an int64 or int32 tensor as numbers; undefined for any other type. */
export function integersOf(tensor: TensorProto): number[] | undefined {
  const raw = tensor.rawData?.length ? tensor.rawData : undefined;
  if (tensor.dataType === ELEMENT.int64) {
    return raw === undefined ? tensor.int64Data.map(toNumber) : Array.from(alignedView(raw, BigInt64Array), Number);
  }
  if (tensor.dataType === ELEMENT.int32) {
    return raw === undefined ? [...tensor.int32Data] : Array.from(alignedView(raw, Int32Array));
  }
  return undefined;
}

interface ViewConstructor<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, offset: number, length: number): T;
}

/** Typed arrays must begin at a multiple of their element's size; bytes of a file begin anywhere. */
function alignedView<T>(bytes: Uint8Array, View: ViewConstructor<T>): T {
  const size = View.BYTES_PER_ELEMENT;
  const length = Math.floor(bytes.length / size);
  if (bytes.byteOffset % size === 0) return new View(bytes.buffer, bytes.byteOffset, length);
  const copy = new Uint8Array(bytes);
  return new View(copy.buffer, 0, length);
}

/** A tensor around the elements of a typed array, which is not copied. */
export function tensorOf(name: string, dataType: number, dims: readonly Int64[], data: ArrayBufferView): TensorProto {
  const rawData = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return makeTensor({ name, dataType, dims: [...dims], rawData });
}

/** A float32 scalar. */
export function floatScalar(name: string, value: number): TensorProto {
  return tensorOf(name, ELEMENT.float32, [], Float32Array.of(value));
}

/** A list of int64; "to the end" is 2^63 - 1 in many files, which no number holds. */
export function int64List(name: string, values: readonly Int64[]): TensorProto {
  const data = BigInt64Array.from(values, (value) => BigInt(value.toString()));
  return tensorOf(name, ELEMENT.int64, [values.length], data);
}
