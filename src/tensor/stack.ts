import { InfernodeError } from '../errors.js';
import { joinRows } from './rows.js';
import type { Tensor } from './tensor.js';

/**
 * Joins tensors along their first dimension: pictures of shape [1, C, H, W] become a batch of [N, C, H, W].
 *
 * @throws InfernodeError INF_TENSOR_DTYPE or INF_TENSOR_SHAPE unless all are of one dtype and differ in the first dimension at most
 */
export function stackTensors(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined || first.shape.length === 0) {
    throw new InfernodeError('INF_TENSOR_SHAPE', 'A batch needs at least one tensor, of at least one dimension');
  }
  for (const [index, tensor] of tensors.entries()) checkFits(first, tensor, index);
  const rows = tensors.reduce((sum, tensor) => sum + tensor.shape[0]!, 0);
  return joinRows(tensors, rows);
}

function checkFits(first: Tensor, tensor: Tensor, index: number): void {
  if (tensor.dtype !== first.dtype) {
    throw new InfernodeError(
      'INF_TENSOR_DTYPE',
      `Tensor ${index} of a batch is ${tensor.dtype}, the first is ${first.dtype}`,
      {
        details: { expected: first.dtype, given: tensor.dtype },
      },
    );
  }
  const fits =
    tensor.shape.length === first.shape.length &&
    tensor.shape.every((dim, axis) => axis === 0 || dim === first.shape[axis]);
  if (fits) return;
  const [expected, given] = [first, tensor].map(({ shape }) => `[${shape.join(', ')}]`) as [string, string];
  throw new InfernodeError(
    'INF_TENSOR_SHAPE',
    `Tensor ${index} of a batch has shape ${given}, the first ${expected}; all but the first dimension must be equal`,
    { details: { expected, given } },
  );
}
