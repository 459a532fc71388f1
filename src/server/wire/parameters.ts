import { type InferOptions, LEAST_URGENT } from '../../engine/inference.js';
import { InfernodeError } from '../../errors.js';
import { countOf, type Fields, fieldOf, fieldsOf, flagOf, invalidRequest } from './fields.js';

/** What the parameters of a request ask for. */
export interface RequestParameters {
  readonly options: Pick<InferOptions, 'priority' | 'timeoutMs'>;
  /** Whether outputs are binary unless they say otherwise. */
  readonly binary: boolean;
}

/**
 * Reads the parameters of an inference request: `priority` (0 for the default), `timeout` (microseconds, 0 for none),
 * `binary_data_output`. Others are ignored, except those that would change the meaning of the request.
 *
 * @throws InfernodeError INF_REQUEST_INVALID, INF_REQUEST_UNSUPPORTED for sequences
 */
export function readParameters(value: unknown): RequestParameters {
  if (value === undefined) return { options: {}, binary: false };
  const parameters = fieldsOf(value, 'parameters');
  checkReserved(parameters);
  const priority = countOf(fieldOf(parameters, 'priority'), 'parameters.priority', 0);
  if (priority > LEAST_URGENT) {
    throw invalidRequest('parameters.priority', `from 1 to ${LEAST_URGENT}, or 0 for the default`, priority);
  }
  const timeout = countOf(fieldOf(parameters, 'timeout'), 'parameters.timeout', 0);
  return {
    options: {
      ...(priority > 0 && { priority }),
      ...(timeout > 0 && { timeoutMs: timeout / 1000 }),
    },
    binary: flagOf(fieldOf(parameters, 'binary_data_output'), 'parameters.binary_data_output', false),
  };
}

function checkReserved(parameters: Fields): void {
  const reserved = Object.keys(parameters).find((name) => name.startsWith('triton_'));
  if (reserved !== undefined) {
    throw new InfernodeError('INF_REQUEST_INVALID', 'Parameters whose names begin with "triton_" are reserved', {
      details: { name: reserved },
    });
  }
  const id = fieldOf(parameters, 'sequence_id');
  if (id !== undefined && id !== 0 && id !== '') {
    throw new InfernodeError('INF_REQUEST_UNSUPPORTED', 'Sequences of requests are not supported', {
      details: { name: 'sequence_id' },
    });
  }
}
