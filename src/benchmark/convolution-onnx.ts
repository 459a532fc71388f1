import { ELEMENT } from '../conversion/onnx/element-type.js';
import {
  encodeOnnx,
  type ModelProto,
  makeAttribute,
  makeNode,
  makeTensor,
  makeValue,
} from '../conversion/onnx/onnx-proto.js';
import { CONVOLUTION } from './convolution.js';

/** `AttributeProto.AttributeType`. */
const INTS = 7;

/**
 * An ONNX model that does next to nothing but one {@link CONVOLUTION}: its input `x`, of one pixel, is repeated to pictures. One
 * element of the result goes out.
 */
export function convolutionOnnx(
  precision: 'fp32' | 'int8',
  { rows, channels, side, kernel } = CONVOLUTION,
): Uint8Array {
  const isInt8 = precision === 'int8';
  const size = channels * channels * kernel * kernel;
  const weight = isInt8 ? new Int8Array(size) : new Float32Array(size);
  for (let index = 0; index < size; index++) {
    const noise = (Math.imul(index + 1, 0x9e3779b1) >>> 0) / 2 ** 31 - 1;
    weight[index] = isInt8 ? Math.round(noise * 127) : noise;
  }
  const integers = (name: string, values: number[]) => {
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return makeTensor({ name, dims: [values.length], dataType: ELEMENT.int64, rawData });
  };
  const scalar = (name: string, dataType: number, data: Float32Array | Uint8Array | Int8Array) =>
    makeTensor({ name, dims: [], dataType, rawData: new Uint8Array(data.buffer) });
  const pad = Math.floor(kernel / 2);
  const attribute = [makeAttribute({ name: 'pads', type: INTS, ints: [pad, pad, pad, pad] as never })];
  const graph = {
    name: 'convolution',
    node: [
      makeNode('Expand', ['x', 'shape'], ['pictures']),
      isInt8
        ? makeNode('QLinearConv', ['pictures', 'scale', 'zero', 'w', 'scale', 'zero_w', 'scale', 'zero'], ['c'], {
            attribute,
          })
        : makeNode('Conv', ['pictures', 'w'], ['c'], { attribute }),
      makeNode('Slice', ['c', 'from', 'to'], ['y']),
    ],
    initializer: [
      integers('shape', [rows, channels, side, side]),
      integers('from', [0, 0, 0, 0]),
      integers('to', [1, 1, 1, 1]),
      makeTensor({
        name: 'w',
        dims: [channels, channels, kernel, kernel],
        dataType: isInt8 ? ELEMENT.int8 : ELEMENT.float32,
        rawData: new Uint8Array(weight.buffer),
      }),
      ...(isInt8
        ? [
            scalar('scale', ELEMENT.float32, Float32Array.of(0.1)),
            scalar('zero', ELEMENT.uint8, Uint8Array.of(128)),
            scalar('zero_w', ELEMENT.int8, Int8Array.of(0)),
          ]
        : []),
    ],
    input: [makeValue('x', isInt8 ? ELEMENT.uint8 : ELEMENT.float32)],
    output: [makeValue('y', isInt8 ? ELEMENT.uint8 : ELEMENT.float32)],
  };
  return encodeOnnx({ irVersion: 8, opsetImport: [{ domain: '', version: 13 }], graph } as unknown as ModelProto);
}
