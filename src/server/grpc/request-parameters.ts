import { type InferOptions, LEAST_URGENT } from '../../engine/inference.js';
import { InfernodeError } from '../../errors.js';
import type { Parameters, RequestedOutput, SentInput } from './infer-request.js';

/** Clients of streams send it: whether the end of an answer is to be marked. Each answer here is one, and marked. */
const FINAL_RESPONSE = 'triton_enable_empty_final_response';

/**
 * Reads the parameters of a request: `priority` (0 for the default), `timeout` (microseconds, 0 for none). Others are ignored,
 * except those that would change the meaning of the request.
 *
 * @param deadline milliseconds since 1970 when the client gives up; Infinity if it does not
 * @throws InfernodeError INF_REQUEST_INVALID, INF_REQUEST_UNSUPPORTED for sequences
 */
export function readParameters(parameters: Parameters, deadline: number): Pick<InferOptions, 'priority' | 'timeoutMs'> {
  for (const [name, value] of parameters) {
    if (name.startsWith('triton_') && name !== FINAL_RESPONSE) {
      throw new InfernodeError('INF_REQUEST_INVALID', 'Parameters whose names begin with "triton_" are reserved');
    }
    if (name === 'sequence_id' && value !== 0 && value !== '') {
      throw new InfernodeError('INF_REQUEST_UNSUPPORTED', 'Sequences of requests are not supported');
    }
  }
  const priority = countOf(parameters, 'priority');
  const timeout = countOf(parameters, 'timeout');
  const timeoutMs = Math.min(timeout === 0 ? Number.POSITIVE_INFINITY : timeout / 1000, deadline - Date.now());
  return {
    // Less urgent than the least urgent is that.
    ...(priority > 0 && { priority: Math.min(priority, LEAST_URGENT) }),
    ...(timeoutMs !== Number.POSITIVE_INFINITY && { timeoutMs: Math.max(0, timeoutMs) }),
  };
}

/** How many of the best classes an output asks for; 0 for the output itself. @throws InfernodeError INF_REQUEST_* */
export function classCountOf({ name, parameters }: RequestedOutput): number {
  checkMemory(name, parameters);
  return countOf(parameters, 'classification');
}

/** @throws InfernodeError INF_REQUEST_UNSUPPORTED for a tensor that is not in the message */
export function checkMemory(name: SentInput['name'], parameters: Parameters): void {
  if (!parameters.has('shared_memory_region')) return;
  throw new InfernodeError('INF_REQUEST_UNSUPPORTED', `Tensor "${name}": shared memory is not supported`, {
    details: { name },
  });
}

function countOf(parameters: Parameters, name: string): number {
  const value = parameters.get(name) ?? 0;
  // Some clients write numbers as strings.
  const count = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof count === 'number' && Number.isSafeInteger(count) && count >= 0) return count;
  throw new InfernodeError('INF_REQUEST_INVALID', `Parameter ${name} must be a whole number from 0, not ${value}`, {
    details: { name, expected: 'a whole number from 0', given: String(value) },
  });
}
