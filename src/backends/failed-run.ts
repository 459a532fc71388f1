import { type ErrorCode, InfernodeError } from '../errors.js';
import type { InputValue, Signature } from './backend.js';
import { isPlainObject } from './input-errors.js';

/** A call that failed while it ran, as its backend tells of it. */
export interface FailedRun {
  readonly failure: InfernodeError;
  readonly signature: Signature;
  readonly values: readonly InputValue[];
  /** Whether the method has answered a call before, were it that of a trial: it is not broken in itself. */
  readonly hasAnswered: boolean;
}

/** What the runtimes say of sizes that fit neither each other nor the weights: libtorch first, then ONNX Runtime. */
const SIZES_DIFFER: readonly RegExp[] = [
  /size of (?:the )?tensor (?:\w+ )?\(\d+\) must match/,
  /shapes cannot be multiplied/,
  /sizes of tensors must match/,
  /expects each tensor to be equal size/,
  /size mismatch/,
  /inconsistent tensor size/,
  /expected size for first two dimensions/,
  /expected input ?(?:\[.*\] to have \d+ channels|with shape)/,
  /expected \d+D .*input/,
  /expected hidden(?:\[\d\])? size/,
  /must be equal to input_size/,
  /should contain \d+ elements not \d+/,
  /does not broadcast with/,
  /kernel size can't be greater than actual input size/,
  /output size is too small/,
  /padding size should be less than/,
  /split_sizes to sum exactly/,
  /is invalid for input of size/,
  /dimension out of range/,
  /attempting to broadcast an axis/,
  /cannot broadcast/,
  /could not be broadcast/,
  /dimensions? (?:mismatch|must match)/,
  /incompatible dimensions/,
  /not equal to kernel channels/,
  /num_dims does not match/,
  /does not match input rank/,
  /rank of input tensor must be/,
  /axis -?\d+ is not in valid range/,
  /invalid (?:input|expand) shape/,
  /must match X\.shape/,
  /must have \d+ dimensions only/,
  /exceeds the remaining size/,
  /cannot be reshaped to the requested shape/,
].map(({ source }) => new RegExp(source, 'i'));

/** What they say of an index beyond a table. */
const NO_SUCH_INDEX = /\bout of (?:data )?(?:range|bounds)\b/i;

/**
 * The better error for a run that failed because of what the caller gave: both runtimes say so only in words.
 *
 * A model that is broken in itself fails in the same words, with whatever it is given. So sizes that do not fit are held against the
 * caller only once the method has answered a call: then there are inputs that it takes, and these are none.
 */
export function explainRun({ failure, signature, values, hasAnswered }: FailedRun): InfernodeError {
  const { code, message } = failure;
  if (code !== 'INF_MODEL_FAILED') return failure;
  if (SIZES_DIFFER.some((pattern) => pattern.test(message))) {
    return hasAnswered ? withCode('INF_INPUT_SHAPE', failure) : failure;
  }
  if (NO_SUCH_INDEX.test(message)) return withCode('INF_INPUT_VALUE', failure);
  return missingEntry(signature, values, failure) ?? failure;
}

function withCode(code: ErrorCode, { message, cause, details }: InfernodeError): InfernodeError {
  return new InfernodeError(code, message, { cause, details });
}

/** The error for a dict that lacks the entry which the model looked up; undefined if that is not what happened. */
function missingEntry(
  { inputs }: Signature,
  values: readonly InputValue[],
  { message, cause }: InfernodeError,
): InfernodeError | undefined {
  const key = /\bKeyError: (.*)/.exec(message)?.[1];
  if (key === undefined) return undefined;
  const index = inputs.findIndex(({ kind }, at) => {
    const value = values[at];
    return kind === 'dict' && isPlainObject(value) && !Object.hasOwn(value, key);
  });
  if (index < 0) return undefined;
  const { name } = inputs[index]!;
  return new InfernodeError('INF_INPUT_MISSING', `Input "${name}" has no entry "${key}", which the model looks up`, {
    cause,
    details: { name: `${name}.${key}`, expected: `an entry "${key}"`, given: Object.keys(values[index]!).join(', ') },
  });
}
