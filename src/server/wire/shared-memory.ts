import { InfernodeError } from '../../errors.js';
import { type Fields, fieldOf } from './fields.js';

/** The answer to whoever wants shared memory. */
export function noSharedMemory(what?: string): InfernodeError {
  return new InfernodeError('INF_REQUEST_UNSUPPORTED', 'Shared memory is not supported: send tensors in the request', {
    details: what === undefined ? {} : { name: what },
  });
}

/**
 * Refuses a tensor whose parameters say that its data lie in shared memory.
 *
 * @param what the tensor, as errors name it
 * @throws InfernodeError INF_REQUEST_UNSUPPORTED
 */
export function checkInRequest(parameters: Fields, what: string): void {
  if (fieldOf(parameters, 'shared_memory_region') !== undefined) throw noSharedMemory(what);
}
