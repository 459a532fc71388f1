import type { Outputs } from '../../backends/backend.js';
import type { Engine } from '../../engine/engine.js';
import { InfernodeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { classify } from '../wire/classification.js';
import { dtypeOf } from '../wire/datatypes.js';
import { tensorFromBytes } from '../wire/raw-tensor.js';
import type { InferRequestMessage, RequestedOutput, SentInput } from './infer-request.js';
import type { InferResponseMessage } from './infer-response.js';
import { parseVersion } from './model-version.js';
import { checkMemory, classCountOf, readParameters } from './request-parameters.js';
import { tensorFromContents } from './typed-contents.js';

/** How long a request is wanted. */
export interface Patience {
  /** Milliseconds since 1970; Infinity without a deadline. */
  readonly deadline: number;
  /** Aborted when the client has cancelled the call or is gone. */
  readonly signal: AbortSignal;
}

/**
 * Answers one request.
 *
 * @throws InfernodeError INF_REQUEST_*, INF_TENSOR_*, and as `Engine.infer` does
 */
export async function infer(
  engine: Engine,
  message: InferRequestMessage,
  { deadline, signal }: Patience,
): Promise<InferResponseMessage> {
  // The version that is found now answers, and says so.
  const { name, version, model } = engine.model(message.modelName, parseVersion(message.modelVersion));
  const wanted = requestedOutputs(message.outputs);
  const { outputs } = await engine.infer(name, {
    version,
    inputs: inputsOf(message),
    ...(wanted !== null && { outputs: wanted.map((output) => output.name) }),
    ...readParameters(message.parameters, deadline),
    signal,
  });
  return {
    modelName: name,
    modelVersion: String(version),
    id: message.id,
    outputs: wanted === null ? Object.entries(outputs) : select(outputs, wanted, model.config?.processing?.labels),
  };
}

interface WantedOutput {
  readonly name: string;
  readonly classes: number;
}

function requestedOutputs(outputs: readonly RequestedOutput[]): WantedOutput[] | null {
  if (outputs.length === 0) return null;
  checkUnique(outputs, 'Output');
  return outputs.map((output) => ({ name: output.name, classes: classCountOf(output) }));
}

function select(outputs: Outputs, wanted: readonly WantedOutput[], labels?: readonly string[]): [string, Tensor][] {
  return wanted.map(({ name, classes }) => {
    const tensor = Object.hasOwn(outputs, name) ? outputs[name]! : missing(name, outputs);
    return [name, classes === 0 ? tensor : classify(tensor, classes, labels)];
  });
}

function missing(name: string, outputs: Outputs): never {
  const expected = Object.keys(outputs).join(', ');
  throw new InfernodeError('INF_OUTPUT_UNKNOWN', `The model has no output "${name}"; it gave ${expected}`, {
    details: { name, expected, given: name },
  });
}

function inputsOf({ inputs, rawContents }: InferRequestMessage): Record<string, Tensor> {
  checkUnique(inputs, 'Input');
  if (rawContents.length !== 0 && rawContents.length !== inputs.length) {
    throw new InfernodeError(
      'INF_REQUEST_INVALID',
      `There must be as many raw_input_contents as inputs, ${inputs.length}, or none; there are ${rawContents.length}`,
      { details: { expected: String(inputs.length), given: String(rawContents.length) } },
    );
  }
  // fromEntries makes own properties of all names, `__proto__` too.
  return Object.fromEntries(inputs.map((input, index) => [input.name, tensorOf(input, rawContents[index])]));
}

const NOTHING = new Uint8Array(0);

function tensorOf({ name, datatype, shape, parameters, contents }: SentInput, raw: Uint8Array | undefined): Tensor {
  checkMemory(name, parameters);
  const dtype = dtypeOf(datatype, `The datatype of input "${name}"`);
  if (raw === undefined) return tensorFromContents(dtype, shape, contents ?? NOTHING, name);
  if (contents === null || contents.byteLength === 0) return tensorFromBytes(dtype, shape, raw, name);
  throw new InfernodeError('INF_REQUEST_INVALID', `Input "${name}" has both contents and raw_input_contents`, {
    details: { name },
  });
}

function checkUnique(tensors: readonly { readonly name: string }[], what: string): void {
  const seen = new Set<string>();
  for (const { name } of tensors) {
    if (seen.has(name)) throw new InfernodeError('INF_REQUEST_INVALID', `${what} "${name}" is there twice`);
    seen.add(name);
  }
}
