import type { Signature, ValueInfo } from '../../backends/backend.js';
import { InfernodeError } from '../../errors.js';
import { DTYPES } from '../../tensor/dtype.js';
import { datatypeOf } from './datatypes.js';
import { invalidRequest, invalidTensor } from './fields.js';
import type { WireRequest } from './infer-request.js';
import { tensorFromBytes } from './raw-tensor.js';

/**
 * A request that is nothing but the bytes of the only input of a model. Its shape follows from the model's, whose one open
 * size, or else its batch, is what the bytes make it.
 *
 * @throws InfernodeError INF_REQUEST_INVALID where model and bytes leave no or several shapes
 */
export function readRawRequest(body: Buffer, { inputs }: Signature): WireRequest {
  const [info] = inputs;
  if (info === undefined || inputs.length > 1) {
    throw invalidRequest('A request without a JSON object', 'for a model of one input', `for one of ${inputs.length}`);
  }
  const tensor = tensorFromBytes(...shaped(info, body), body, info.name);
  return { id: undefined, inputs: { [info.name]: tensor }, options: {}, outputs: null, binary: true };
}

function shaped(info: ValueInfo, body: Buffer): [dtype: NonNullable<ValueInfo['dtype']>, shape: number[]] {
  const { name, dtype, shape } = info;
  if (dtype === null || shape === null || shape[0] === '...') {
    const message = `The model does not state dtype and shape of its input "${name}": send them as JSON before the bytes`;
    throw new InfernodeError('INF_REQUEST_INVALID', message, { details: { name, expected: 'a JSON object' } });
  }
  if (dtype === 'string') return [dtype, shape.map(() => 1)];
  const open = shape.filter((dim) => typeof dim !== 'number').length;
  const known = shape.reduce<number>(
    (product, dim) => product * (typeof dim === 'number' ? dim : 1),
    DTYPES[dtype].bytes,
  );
  if (open === 0) return [dtype, shape as number[]];
  // Of several open sizes the first is the batch, which is one request.
  if (open > 2 || (open === 2 && typeof shape[0] === 'number')) {
    throw invalidRequest(`Input "${name}"`, 'of one open size besides the batch', `[${shape.join(', ')}]`);
  }
  const size = body.length / known;
  if (!Number.isSafeInteger(size)) {
    const what = `${datatypeOf(dtype)} of shape [${shape.map((dim) => (typeof dim === 'number' ? dim : -1)).join(', ')}]`;
    throw invalidTensor(name, `a multiple of ${known} bytes for ${what}`, `${body.length} bytes`);
  }
  return [dtype, shape.map((dim, axis) => (typeof dim === 'number' ? dim : open === 2 && axis === 0 ? 1 : size))];
}
