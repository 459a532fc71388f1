import { ELEMENT } from '../conversion/onnx/element-type.js';
import { encodeOnnx, type ModelProto, makeNode, makeTensor, makeValue } from '../conversion/onnx/onnx-proto.js';

/** Products in one call, so that what surrounds them does not count. */
export const PRODUCTS = 2;

/**
 * An ONNX model that does next to nothing but multiply matrices of `side` rows and columns: its input `x`, of one row, is
 * repeated to a matrix, and multiplied with {@link PRODUCTS} weights. One element of each product goes out.
 */
export function matmulOnnx(precision: 'fp32' | 'int8', side: number): Uint8Array {
  const isInt8 = precision === 'int8';
  const weight = (seed: number) => {
    const data = isInt8 ? new Int8Array(side * side) : new Float32Array(side * side);
    for (let index = 0; index < data.length; index++) {
      const noise = (Math.imul(index + seed * 7919 + 1, 0x9e3779b1) >>> 0) / 2 ** 31 - 1;
      data[index] = isInt8 ? Math.round(noise * 127) : noise;
    }
    return new Uint8Array(data.buffer);
  };
  const integers = (name: string, values: number[]) => {
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return makeTensor({ name, dims: [values.length], dataType: ELEMENT.int64, rawData });
  };
  const numbers = Array.from({ length: PRODUCTS }, (_, index) => index);
  const graph = {
    name: 'matmul',
    node: [
      makeNode('Expand', ['x', 'shape'], ['a']),
      ...numbers.flatMap((n) => [
        makeNode(isInt8 ? 'MatMulInteger' : 'MatMul', ['a', `w${n}`], [`p${n}`]),
        makeNode('Slice', [`p${n}`, 'from', 'to'], [`y${n}`]),
      ]),
    ],
    initializer: [
      integers('shape', [side, side]),
      integers('from', [0, 0]),
      integers('to', [1, 1]),
      ...numbers.map((n) =>
        makeTensor({
          name: `w${n}`,
          dims: [side, side],
          dataType: isInt8 ? ELEMENT.int8 : ELEMENT.float32,
          rawData: weight(n),
        }),
      ),
    ],
    input: [makeValue('x', isInt8 ? ELEMENT.uint8 : ELEMENT.float32)],
    output: numbers.map((n) => makeValue(`y${n}`, isInt8 ? ELEMENT.int32 : ELEMENT.float32)),
  };
  return encodeOnnx({ irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph } as unknown as ModelProto);
}
