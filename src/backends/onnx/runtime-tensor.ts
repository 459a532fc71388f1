import type { Tensor as RuntimeTensor } from 'onnxruntime-node';
import type { TensorData } from '../../tensor/dtype.js';
import type { WireTensor } from './wire.js';

/**
 * A plain object of a runtime tensor's properties: the runtime reads no more, and its own constructor would want a
 * Float16Array for float16 where there is one.
 */
export function toRuntime({ dtype, shape, data }: WireTensor): RuntimeTensor {
  return { type: dtype, dims: shape, data, location: 'cpu' } as unknown as RuntimeTensor;
}

export function fromRuntime({ type, dims, data }: RuntimeTensor): WireTensor {
  const elements = data as TensorData;
  // The bits of a Float16Array, where the runtime answers with one.
  const bits =
    type === 'float16' && !Array.isArray(elements)
      ? new Uint16Array(elements.buffer, elements.byteOffset, elements.length)
      : elements;
  return { dtype: type as WireTensor['dtype'], shape: dims, data: bits };
}
