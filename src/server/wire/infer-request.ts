import type { InferOptions } from '../../engine/inference.js';
import { InfernodeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { quoteBigIntegers } from './big-integers.js';
import { dtypeOf } from './datatypes.js';
import { checkTensorCount, countOf, type Fields, fieldOf, fieldsOf, invalidRequest, textOf } from './fields.js';
import { checkJsonDepth } from './json-depth.js';
import { tensorFromData } from './json-tensor.js';
import { readParameters } from './parameters.js';
import { tensorFromBytes } from './raw-tensor.js';
import { type RequestedOutput, readOutputs } from './requested-output.js';
import { checkInRequest } from './shared-memory.js';

/** An inference request as it came over the wire. */
export interface WireRequest {
  readonly id: string | undefined;
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly options: Pick<InferOptions, 'priority' | 'timeoutMs'>;
  /** Null for all that the model gives. */
  readonly outputs: readonly RequestedOutput[] | null;
  /** Whether outputs that are not listed are binary. */
  readonly binary: boolean;
}

/** More dimensions make no tensor; NumPy has the same limit. */
const MAX_DIMENSIONS = 64;

/**
 * Reads an inference request: a JSON object, and after it the binary data of its inputs, in their order.
 *
 * @param headerLength the bytes of the JSON object; undefined for all
 * @param maxTensors the most inputs, and the most outputs, of a request
 * @throws InfernodeError INF_REQUEST_*, INF_TENSOR_*
 */
export function readInferRequest(body: Buffer, headerLength: number | undefined, maxTensors: number): WireRequest {
  const length = headerLength ?? body.length;
  if (length > body.length) {
    throw invalidRequest('Inference-Header-Content-Length', `at most the ${body.length} bytes of the body`, length);
  }
  const json = body.subarray(0, length);
  const fields = fieldsOf(parseHeader(json, headerLength), 'The request');
  const id = fieldOf(fields, 'id');
  if (id !== undefined && typeof id !== 'string') throw invalidRequest('id', 'a string', id);
  const { options, binary } = readParameters(fieldOf(fields, 'parameters'));
  const outputs = readOutputs(fieldOf(fields, 'outputs'), binary, maxTensors);
  const inputs = readInputs(fieldOf(fields, 'inputs'), json, body.subarray(length), maxTensors);
  return { id, inputs, options, outputs, binary };
}

function parseHeader(json: Buffer, length: number | undefined): unknown {
  if (length !== undefined) return parseJson(json, `The header of ${length} bytes (Inference-Header-Content-Length)`);
  return parseJson(
    json,
    'The body',
    '; where binary data follow JSON, Inference-Header-Content-Length says how long that is',
  );
}

/**
 * @param what it is, as errors name it
 * @param hint what else they say
 * @throws InfernodeError INF_REQUEST_INVALID
 */
export function parseJson(json: Buffer, what = 'The body', hint = ''): unknown {
  checkJsonDepth(json);
  try {
    return JSON.parse(json.toString());
  } catch (cause) {
    throw new InfernodeError('INF_REQUEST_INVALID', `${what} is not JSON${hint}`, {
      cause,
      details: { name: what, expected: 'a JSON object' },
    });
  }
}

function readInputs(value: unknown, json: Buffer, binary: Buffer, maxTensors: number): Record<string, Tensor> {
  if (!Array.isArray(value)) throw invalidRequest('inputs', 'an array', value);
  checkTensorCount(value, 'inputs', maxTensors);
  const inputs = new Map<string, Tensor>();
  let offset = 0;
  for (let index = 0; index < value.length; index++) {
    const what = `inputs[${index}]`;
    const fields = fieldsOf(value[index], what);
    const name = textOf(fieldOf(fields, 'name'), `${what}.name`);
    if (inputs.has(name)) throw invalidRequest(`${what}.name`, 'unique', name);
    const size = binarySizeOf(fields, what);
    if (size === undefined) {
      inputs.set(
        name,
        jsonInput(fields, what, name, () => dataWithBigIntegers(json, index)),
      );
      continue;
    }
    if (size > binary.length - offset) {
      throw invalidRequest(
        `${what}.parameters.binary_data_size`,
        `at most the ${binary.length - offset} bytes left`,
        size,
      );
    }
    const bytes = binary.subarray(offset, offset + size);
    inputs.set(name, tensorFromBytes(datatypeOf(fields, what), shapeOf(fields, what), bytes, name));
    offset += size;
  }
  if (offset !== binary.length) {
    throw invalidRequest('The binary data', `the ${offset} bytes that the inputs name`, `${binary.length} bytes`);
  }
  // fromEntries makes own properties of all keys, `__proto__` too.
  return Object.fromEntries(inputs);
}

function binarySizeOf(fields: Fields, what: string): number | undefined {
  const parameters = fieldOf(fields, 'parameters');
  if (parameters === undefined) return undefined;
  const known = fieldsOf(parameters, `${what}.parameters`);
  checkInRequest(known, what);
  const size = countOf(fieldOf(known, 'binary_data_size'), `${what}.parameters.binary_data_size`, undefined);
  if (size !== undefined && fieldOf(fields, 'data') !== undefined) {
    throw invalidRequest(what, 'given as data or as binary data', 'both');
  }
  return size;
}

function jsonInput(fields: Fields, what: string, name: string, reread: () => unknown): Tensor {
  const dtype = datatypeOf(fields, what);
  const shape = shapeOf(fields, what);
  const data = fieldOf(fields, 'data');
  if (data === undefined) throw invalidRequest(`${what}.data`, 'an array of elements', data);
  const wide = dtype === 'int64' || dtype === 'uint64';
  return tensorFromData(dtype, shape, wide && hasUnsafeInteger(data) ? reread() : data, name);
}

function hasUnsafeInteger(data: unknown): boolean {
  if (Array.isArray(data)) return data.some(hasUnsafeInteger);
  return typeof data === 'number' && Number.isInteger(data) && !Number.isSafeInteger(data);
}

/** `JSON.parse` rounds large integers. The data of one input, in which they are strings. */
function dataWithBigIntegers(json: Buffer, index: number): unknown {
  const { inputs } = JSON.parse(quoteBigIntegers(json)) as { inputs: { data: unknown }[] };
  return inputs[index]!.data;
}

function datatypeOf(fields: Fields, what: string) {
  return dtypeOf(fieldOf(fields, 'datatype'), `${what}.datatype`);
}

function shapeOf(fields: Fields, what: string): number[] {
  const shape = fieldOf(fields, 'shape');
  if (!Array.isArray(shape)) throw invalidRequest(`${what}.shape`, 'an array of sizes', shape);
  if (shape.length > MAX_DIMENSIONS) {
    throw invalidRequest(`${what}.shape`, `of at most ${MAX_DIMENSIONS} dimensions`, `${shape.length}`);
  }
  // What the sizes are is checked where the tensor is made.
  return shape as number[];
}
