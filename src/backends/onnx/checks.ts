import { InfernodeError } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { InputValue, Signature } from '../backend.js';
import { explainRun, type FailedRun } from '../failed-run.js';

/**
 * The tensors of a call, once its inputs are bound.
 * @throws InfernodeError INF_INPUT_TYPE, INF_OUTPUT_UNSUPPORTED if the model takes or gives anything else;
 * INF_TENSOR_DATA for strings that the runtime would cut short
 */
export function checkTensors(signature: Signature, values: readonly InputValue[]): readonly Tensor[] {
  for (const { name, kind, type } of signature.inputs) {
    if (kind === 'tensor') continue;
    throw new InfernodeError(
      'INF_INPUT_TYPE',
      `Input "${name}" is ${type}; only tensors can be passed to an ONNX model`,
      {
        details: { name, expected: 'a tensor', given: type },
      },
    );
  }
  for (const { name, kind, type } of signature.outputs) {
    if (kind === 'tensor') continue;
    throw new InfernodeError(
      'INF_OUTPUT_UNSUPPORTED',
      `Output "${name}" is ${type}; export the model so that it gives tensors (for scikit-learn, without ZipMap)`,
      { details: { name, expected: 'a tensor', given: type } },
    );
  }
  const tensors = values as readonly Tensor[];
  // By index, for iterators of pairs would be made anew in each call.
  for (let index = 0; index < tensors.length; index++) {
    const { dtype, data } = tensors[index]!;
    if (dtype === 'string') checkStrings(signature.inputs[index]!.name, data as string[]);
  }
  return tensors;
}

/** The runtime takes C strings and would silently drop what follows a NUL. */
function checkStrings(name: string, strings: readonly string[]): void {
  const index = strings.findIndex((text) => text.includes('\0'));
  if (index < 0) return;
  throw new InfernodeError('INF_TENSOR_DATA', `Element ${index} of input "${name}" has a NUL character`, {
    details: { name, expected: 'strings without NUL', given: `a NUL in element ${index}` },
  });
}

/**
 * The better error for a run that failed because dimensions of one symbol differ: the runtime does not check them, and
 * whichever operator notices first complains in its own terms.
 */
export function explainFailure(run: FailedRun & { readonly values: readonly Tensor[] }): InfernodeError {
  const { failure, signature, values: inputs } = run;
  if (failure.code !== 'INF_MODEL_FAILED') return failure;
  const seen = new Map<string, { name: string; size: number }>();
  for (const [index, { name, shape }] of signature.inputs.entries()) {
    for (const [axis, dim] of (shape ?? []).entries()) {
      if (typeof dim !== 'string') continue;
      const size = inputs[index]!.shape[axis]!;
      const first = seen.get(dim) ?? { name, size };
      seen.set(dim, first);
      if (first.size === size) continue;
      const message = `Dimension "${dim}" is ${first.size} in input "${first.name}", but ${size} in "${name}"`;
      return new InfernodeError('INF_INPUT_SHAPE', message, {
        cause: failure,
        details: { name, expected: `${dim} = ${first.size}`, given: `${dim} = ${size}` },
      });
    }
  }
  return explainRun(run);
}
