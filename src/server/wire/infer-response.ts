import type { Outputs } from '../../backends/backend.js';
import { InfernodeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { classify } from './classification.js';
import { datatypeOf } from './datatypes.js';
import type { WireRequest } from './infer-request.js';
import { dataToJson } from './json-tensor.js';
import { tensorToBytes } from './raw-tensor.js';
import type { RequestedOutput } from './requested-output.js';

/** Who answers. */
export interface Answering {
  readonly name: string;
  readonly version: number;
  /** The label of class 0 first. */
  readonly labels: readonly string[] | undefined;
}

/** An answer as it goes over the wire. */
export interface WireResponse {
  readonly body: Buffer | string;
  /** The bytes of the JSON object that the body begins with; undefined where there is nothing else. */
  readonly headerLength: number | undefined;
}

/**
 * Writes the answer to a request: a JSON object, and after it the binary data of its outputs, in their order.
 *
 * @throws InfernodeError INF_OUTPUT_UNKNOWN; INF_TENSOR_SHAPE, INF_TENSOR_DTYPE for an output that holds no scores
 */
export function writeInferResponse(
  { id, outputs: requested, binary }: Pick<WireRequest, 'id' | 'outputs' | 'binary'>,
  outputs: Outputs,
  { name, version, labels }: Answering,
): WireResponse {
  const chunks: Buffer[] = [];
  const wanted = requested ?? Object.keys(outputs).map((name) => ({ name, binary, classes: 0 }));
  const parts = wanted.map((output) => writeOutput(output, tensorOf(outputs, output, labels), chunks));
  const idField = id === undefined ? '' : `"id":${JSON.stringify(id)},`;
  const json = `{"model_name":${JSON.stringify(name)},"model_version":"${version}",${idField}"outputs":[${parts.join()}]}`;
  if (chunks.length === 0) return { body: json, headerLength: undefined };
  const header = Buffer.from(json);
  return { body: Buffer.concat([header, ...chunks]), headerLength: header.length };
}

/** What is sent of an output: the tensor, or the best of its classes. @throws InfernodeError INF_OUTPUT_UNKNOWN, INF_TENSOR_* */
export function tensorOf(outputs: Outputs, { name, classes }: RequestedOutput, labels: Answering['labels']): Tensor {
  const tensor = Object.hasOwn(outputs, name) ? outputs[name] : undefined;
  if (tensor === undefined) {
    const expected = Object.keys(outputs).join(', ');
    throw new InfernodeError('INF_OUTPUT_UNKNOWN', `The model has no output "${name}"; it gave ${expected}`, {
      details: { name, expected, given: name },
    });
  }
  return classes === 0 ? tensor : classify(tensor, classes, labels);
}

function writeOutput({ name, binary }: RequestedOutput, tensor: Tensor, chunks: Buffer[]): string {
  const head = `{"name":${JSON.stringify(name)},"datatype":"${datatypeOf(tensor.dtype)}","shape":[${tensor.shape.join()}]`;
  if (!binary) return `${head},"data":${dataToJson(tensor)}}`;
  const bytes = tensorToBytes(tensor);
  chunks.push(bytes);
  return `${head},"parameters":{"binary_data_size":${bytes.length}}}`;
}
