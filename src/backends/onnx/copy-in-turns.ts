import { DTYPES } from '../../tensor/dtype.js';
import { checkTensor, isWhole, Tensor } from '../../tensor/tensor.js';
import { inputBuffers } from './input-buffers.js';

/** Copying more at once would hold the event loop up for more than some milliseconds. */
const BYTES_A_TURN = 4 * 2 ** 20;

/** Whether copying these tensors takes more than one turn of the event loop. */
export function areLarge(tensors: readonly Tensor[]): boolean {
  let bytes = 0;
  for (const { data } of tensors) {
    if (!Array.isArray(data) && !(data.buffer instanceof SharedArrayBuffer)) bytes += data.byteLength;
  }
  return bytes > BYTES_A_TURN;
}

/**
 * Copies tensors, some megabytes in each turn of the event loop, into buffers that come back to be used again. Strings and
 * shared memory are not copied.
 * @throws InfernodeError INF_TENSOR_DETACHED
 */
export async function copyInTurns(tensors: readonly Tensor[]): Promise<Tensor[]> {
  const copies: Tensor[] = [];
  for (const tensor of tensors) copies.push(await copyOne(tensor));
  return copies;
}

async function copyOne(tensor: Tensor): Promise<Tensor> {
  const { data, dtype, shape } = tensor;
  if (Array.isArray(data) || data.buffer instanceof SharedArrayBuffer) return tensor;
  const source = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const target = new Uint8Array(inputBuffers.take(data.byteLength), 0, data.byteLength);
  for (let start = 0; start < target.length; start += BYTES_A_TURN) {
    // The caller may have transferred the buffer meanwhile.
    if (!isWhole(tensor)) checkTensor(dtype, data, shape);
    target.set(source.subarray(start, start + BYTES_A_TURN), start);
    await new Promise(setImmediate);
  }
  const { array } = DTYPES[dtype] as { array: Float32ArrayConstructor };
  return Tensor.trusted(dtype, new array(target.buffer, 0, data.length) as never, shape);
}
