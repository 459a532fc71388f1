import { InfernodeError } from '../errors.js';
import { Tensor } from '../tensor/tensor.js';
import type { InputValue, Signature, ValueInfo } from './backend.js';

/** What a tensor is made of, from wherever it comes: another copy of this package, or a literal. */
export type TensorLike = Pick<Tensor, 'dtype' | 'shape' | 'data'>;

/** Whether `value` has what a tensor has. */
export function isTensorLike(value: unknown): value is TensorLike {
  return (
    value instanceof Tensor ||
    (typeof value === 'object' && value !== null && 'dtype' in value && 'data' in value && 'shape' in value)
  );
}

/** Whether `value` is an object whose keys are those of a dict: no tensor, array, Map or the like. */
export function isPlainObject(value: unknown): value is Record<string, InputValue> {
  return Object.prototype.toString.call(value) === '[object Object]' && !isTensorLike(value);
}

/** `[batch, 3, 224, 224]`, `?` for a dimension of any size, `batch<=64` for a bounded one. */
export function formatShape(
  shape: readonly (number | string | null)[] | null,
  maxShape?: readonly (number | null)[],
): string {
  if (shape === null) return '[...]';
  return `[${shape.map((dim, axis) => `${dim ?? '?'}${typeof dim !== 'number' && maxShape?.[axis] != null ? `<=${maxShape[axis]}` : ''}`).join(', ')}]`;
}

/** The inputs of a signature, for a message. */
export function listInputs(signature: Signature): string {
  if (signature.inputs.length === 0) return 'no inputs';
  return signature.inputs.map((info) => `"${info.name}" (${info.type})${elementNames(info)}`).join(', ');
}

/** The elements of a tuple can be given one by one. */
function elementNames({ kind, items }: ValueInfo): string {
  return kind === 'tuple' && items?.length
    ? `, or its elements ${items.map(({ name }) => `"${name}"`).join(', ')}`
    : '';
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (isTensorLike(value)) return `${value.dtype} ${formatShape(value.shape)}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `a bare ${value.constructor.name}; make it a new Tensor(dtype, data, shape)`;
  return typeof value === 'object'
    ? `an object (${value.constructor?.name ?? 'no class'})`
    : `${typeof value} ${String(value)}`;
}

/** The value is of the wrong kind: a number for a tensor, an array for a dict. */
export function typeError(info: ValueInfo, value: unknown): InfernodeError {
  const given = describe(value);
  return new InfernodeError('INF_INPUT_TYPE', `Input "${info.name}" is ${info.type}; given: ${given}`, {
    details: { name: info.name, expected: info.type, given },
  });
}

/** The tensor has the wrong element type. */
export function dtypeError(info: ValueInfo, tensor: Tensor): InfernodeError {
  return new InfernodeError(
    'INF_INPUT_DTYPE',
    `Input "${info.name}" must be ${info.dtype}, but ${tensor.dtype} was given`,
    {
      details: { name: info.name, expected: info.dtype!, given: tensor.dtype },
    },
  );
}

/** The tensor has the wrong shape. */
export function shapeError(info: ValueInfo, tensor: Tensor): InfernodeError {
  const expected = formatShape(info.shape, info.maxShape);
  const given = formatShape(tensor.shape);
  return new InfernodeError(
    'INF_INPUT_SHAPE',
    `Input "${info.name}" must have shape ${expected}, but ${given} was given`,
    {
      details: { name: info.name, expected, given },
    },
  );
}
