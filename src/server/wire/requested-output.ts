import { checkTensorCount, countOf, type Fields, fieldOf, fieldsOf, flagOf, invalidRequest, textOf } from './fields.js';
import { checkInRequest } from './shared-memory.js';

/** An output that a request asks for, and how. */
export interface RequestedOutput {
  readonly name: string;
  /** Whether its data comes after the JSON, as bytes. */
  readonly binary: boolean;
  /** How many of the best classes are wanted instead of the tensor; 0 for the tensor. */
  readonly classes: number;
}

/**
 * Reads the outputs that a request lists. None, or an empty list, stands for all.
 *
 * @param binary what holds for outputs that do not say
 * @throws InfernodeError INF_REQUEST_INVALID, INF_REQUEST_UNSUPPORTED
 */
export function readOutputs(value: unknown, binary: boolean, maxTensors: number): RequestedOutput[] | null {
  if (value === undefined) return null;
  if (!Array.isArray(value)) throw invalidRequest('outputs', 'an array', value);
  checkTensorCount(value, 'outputs', maxTensors);
  if (value.length === 0) return null;
  const names = new Set<string>();
  return value.map((item, index) => {
    const what = `outputs[${index}]`;
    const fields = fieldsOf(item, what);
    const name = textOf(fieldOf(fields, 'name'), `${what}.name`);
    if (names.has(name)) throw invalidRequest(`${what}.name`, 'unique', name);
    names.add(name);
    return { name, ...readOutputParameters(fields, `${what}.parameters`, binary) };
  });
}

function readOutputParameters(fields: Fields, what: string, binary: boolean): Omit<RequestedOutput, 'name'> {
  const given = fieldOf(fields, 'parameters');
  if (given === undefined) return { binary, classes: 0 };
  const parameters = fieldsOf(given, what);
  checkInRequest(parameters, what);
  return {
    binary: flagOf(fieldOf(parameters, 'binary_data'), `${what}.binary_data`, binary),
    classes: countOf(fieldOf(parameters, 'classification'), `${what}.classification`, 0),
  };
}
