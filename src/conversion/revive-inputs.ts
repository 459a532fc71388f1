import type { InputValue } from '../backends/backend.js';
import { isTensorLike } from '../backends/input-errors.js';
import { Tensor } from '../tensor/tensor.js';
import type { SampleInputs } from './build.js';

/** Inputs that came from another process: tensors lose their class on the way. */
export function reviveInputs(inputs: SampleInputs): SampleInputs {
  return Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, reviveValue(value)]));
}

function reviveValue(value: InputValue): InputValue {
  if (isTensorLike(value)) return new Tensor(value.dtype, value.data as never, value.shape);
  return Array.isArray(value) ? value.map(reviveValue) : value;
}
