import type { InputValue, Signature, ValueInfo } from '../backends/backend.js';
import type { ValueConfig } from '../config/model-config.js';
import { Tensor } from '../tensor/tensor.js';
import { findWorkingInputs, type Trial, type WorkingInputs } from './working-inputs.js';

/** Tensors that went into a model and came out, when it was tried on made-up inputs; null sizes vary. */
export interface TriedValues {
  readonly inputs: readonly ValueConfig[];
  readonly outputs: readonly ValueConfig[];
}

/**
 * What a trial tells of a model whose file does not say it: dtypes and shapes of TorchScript, names of a dict's entries. If it
 * takes inputs of other sizes as well, sizes that differ between the two are known to vary.
 *
 * @param rowsVary whether the first size is that of a batch
 */
export async function triedValues(trial: Trial, first: WorkingInputs, rowsVary: boolean): Promise<TriedValues | null> {
  const { inputs, outputs } = trial.signature;
  if ([...inputs, ...outputs].every(isDeclared)) return null;
  const tried = valuesOf(trial.signature, first);
  const other = await findWorkingInputs(trial, first.attempt + 1);
  const others = other && valuesOf(trial.signature, other);
  return {
    inputs: common(tried.inputs, others?.inputs, rowsVary),
    outputs: common(tried.outputs, others?.outputs, rowsVary),
  };
}

function isDeclared({ kind, dtype, shape, items }: ValueInfo): boolean {
  if (kind === 'tuple') return items?.every(isDeclared) ?? false;
  return kind === 'tensor' ? dtype !== null && shape !== null : kind !== 'list' && kind !== 'dict' && kind !== 'any';
}

type Named = readonly [name: string, tensor: Tensor];

function valuesOf({ inputs }: Signature, { first, outputs }: WorkingInputs) {
  const given = inputs.filter(({ optional }) => !optional);
  return { inputs: given.flatMap((info, index) => tensorsIn(info, first[index])), outputs: Object.entries(outputs) };
}

function tensorsIn({ name, items = [] }: ValueInfo, value: InputValue): Named[] {
  if (value instanceof Tensor) return [[name, value]];
  return Array.isArray(value) ? items.flatMap((item, index) => tensorsIn(item, value[index])) : [];
}

function common(tried: readonly Named[], others: readonly Named[] | undefined, rowsVary: boolean): ValueConfig[] {
  return tried.map(([name, { dtype, shape }]) => {
    const other = others?.find(([otherName]) => otherName === name)?.[1];
    // Nothing holds of values whose number of dimensions changes.
    if (other !== undefined && (other.dtype !== dtype || other.shape.length !== shape.length)) return { name };
    const varies = (axis: number) =>
      (axis === 0 && rowsVary) || (other !== undefined && other.shape[axis] !== shape[axis]);
    return { name, dtype, shape: shape.map((size, axis) => (varies(axis) ? null : size)) };
  });
}
