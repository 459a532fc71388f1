import type { Engine } from '../../engine/engine.js';
import type { InferOptions } from '../../engine/inference.js';
import { InfernodeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { dtypeOf } from '../wire/datatypes.js';
import type { Fields } from '../wire/fields.js';
import { tensorOf } from '../wire/infer-response.js';
import { readParameters } from '../wire/parameters.js';
import { tensorFromBytes } from '../wire/raw-tensor.js';
import { readOutputs } from '../wire/requested-output.js';
import { checkInRequest } from '../wire/shared-memory.js';
import { type InferRequestMessage, MAX_TENSORS, type SentInput } from './infer-request.js';
import type { InferResponseMessage } from './infer-response.js';
import { versionOf } from './model-version.js';
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
  const { name, version, model } = engine.model(message.modelName, versionOf(message.modelVersion));
  const wanted = readOutputs(message.outputs, true, MAX_TENSORS);
  const { outputs } = await engine.infer(name, {
    version,
    inputs: inputsOf(message),
    signal,
    ...(wanted !== null && { outputs: wanted.map((output) => output.name) }),
    ...optionsOf(message.parameters, deadline),
  });
  const labels = model.config?.processing?.labels;
  return {
    modelName: name,
    modelVersion: String(version),
    id: message.id,
    outputs:
      wanted === null
        ? Object.entries(outputs)
        : wanted.map((output) => [output.name, tensorOf(outputs, output, labels)] as const),
  };
}

/** Clients of streams send it to have the end of each answer marked, which it is anyway. */
const FINAL_RESPONSE = 'triton_enable_empty_final_response';

function optionsOf(parameters: Fields, deadline: number): Pick<InferOptions, 'priority' | 'timeoutMs'> {
  const { [FINAL_RESPONSE]: _, ...others } = parameters;
  const { options } = readParameters(others);
  const timeoutMs = Math.min(options.timeoutMs ?? Number.POSITIVE_INFINITY, Math.max(1, deadline - Date.now()));
  if (timeoutMs === Number.POSITIVE_INFINITY) return options;
  const { priority } = options;
  return priority === undefined ? { timeoutMs } : { priority, timeoutMs };
}

function inputsOf({ inputs, rawContents }: InferRequestMessage): Record<string, Tensor> {
  checkUnique(inputs);
  if (rawContents.length !== 0 && rawContents.length !== inputs.length) {
    throw new InfernodeError(
      'INF_REQUEST_INVALID',
      `There must be as many raw_input_contents as inputs, ${inputs.length}, or none; there are ${rawContents.length}`,
      { details: { expected: String(inputs.length), given: String(rawContents.length) } },
    );
  }
  // fromEntries makes own properties of all names, `__proto__` too.
  return Object.fromEntries(inputs.map((input, index) => [input.name, inputOf(input, rawContents[index])]));
}

const NOTHING = new Uint8Array(0);

function inputOf({ name, datatype, shape, parameters, contents }: SentInput, raw: Uint8Array | undefined): Tensor {
  checkInRequest(parameters, `input "${name}"`);
  const dtype = dtypeOf(datatype, `The datatype of input "${name}"`);
  if (raw === undefined) return tensorFromContents(dtype, shape, contents ?? NOTHING, name);
  if (contents === null || contents.byteLength === 0) return tensorFromBytes(dtype, shape, raw, name);
  throw new InfernodeError('INF_REQUEST_INVALID', `Input "${name}" has both contents and raw_input_contents`, {
    details: { name },
  });
}

function checkUnique(inputs: readonly SentInput[]): void {
  const seen = new Set<string>();
  for (const { name } of inputs) {
    if (seen.has(name)) throw new InfernodeError('INF_REQUEST_INVALID', `Input "${name}" is there twice`);
    seen.add(name);
  }
}
