import { InfernodeError } from '../errors.js';
import { type DataOf, DTYPES, type DType } from '../tensor/dtype.js';
import { checkTensor, Tensor } from '../tensor/tensor.js';
import type { Inputs, InputValue, Signature, ValueInfo } from './backend.js';

/**
 * Puts a call's inputs into the order of the signature and checks each: names, presence, kind and tensor data always;
 * dtype and shape only if `strict`, that is where the model file declares them.
 *
 * @returns one value per entry of `signature.inputs`, undefined where an optional input is left out
 * @throws InfernodeError INF_INPUT_UNKNOWN, INF_INPUT_MISSING, INF_INPUT_TYPE, INF_INPUT_DTYPE, INF_INPUT_SHAPE, INF_TENSOR_*
 */
export function bindInputs(signature: Signature, inputs: Inputs, strict: boolean): InputValue[] {
  const given = Array.isArray(inputs)
    ? byPosition(signature, inputs)
    : byName(signature, inputs as Record<string, InputValue>);
  return signature.inputs.map((info, index) => bindValue(info, given[index], strict));
}

function byPosition(signature: Signature, inputs: readonly InputValue[]): InputValue[] {
  if (inputs.length > signature.inputs.length) {
    throw new InfernodeError(
      'INF_INPUT_UNKNOWN',
      `The model takes ${listInputs(signature)}, but ${inputs.length} inputs were given`,
    );
  }
  return [...inputs];
}

function byName(signature: Signature, inputs: Readonly<Record<string, InputValue>>): InputValue[] {
  if (typeof inputs !== 'object' || inputs === null || isTensorLike(inputs)) {
    throw new InfernodeError('INF_INPUT_TYPE', 'Inputs are given by name, {name: tensor}, or by position, [tensor]');
  }
  const values: InputValue[] = new Array(signature.inputs.length);
  for (const [name, value] of Object.entries(inputs)) {
    const index = signature.inputs.findIndex((info) => info.name === name);
    if (index >= 0) values[index] = value;
    else placeElement(signature, values, name, value);
  }
  return values;
}

/** `hc0.1` sets element 1 of the tuple, list or dict `hc0`. */
function placeElement(signature: Signature, values: InputValue[], name: string, value: InputValue): void {
  const [root, ...path] = name.split('.') as [string, ...string[]];
  const index = signature.inputs.findIndex((info) => info.name === root);
  if (index < 0 || path.length === 0) {
    throw new InfernodeError(
      'INF_INPUT_UNKNOWN',
      `The model has no input "${name}"; it takes ${listInputs(signature)}`,
      {
        details: { name, expected: signature.inputs.map((info) => info.name).join(', '), given: name },
      },
    );
  }
  let kind = signature.inputs[index]!;
  let holder = values as unknown as Record<string, InputValue>;
  let key = String(index);
  for (const step of path) {
    if (holder[key] === undefined) holder[key] = kind.kind === 'dict' ? {} : [];
    const container = holder[key] as Record<string, InputValue>;
    const next = kind.kind === 'tuple' ? kind.items?.[Number(step)] : kind.items?.[0];
    const ordinal = kind.kind === 'dict' || /^\d{1,6}$/.test(step);
    if (next === undefined || !ordinal || Object.isFrozen(container)) {
      throw new InfernodeError(
        'INF_INPUT_UNKNOWN',
        `The model has no input "${name}"; it takes ${listInputs(signature)}`,
        { details: { name } },
      );
    }
    [holder, key, kind] = [container, step, next];
  }
  holder[key] = value;
}

function bindValue(info: ValueInfo, value: InputValue, strict: boolean): InputValue {
  if (value === undefined || value === null) {
    if (info.optional) return undefined;
    throw new InfernodeError('INF_INPUT_MISSING', `Input "${info.name}" (${info.type}) is missing`, {
      details: { name: info.name, expected: info.type, given: 'nothing' },
    });
  }
  switch (info.kind) {
    case 'tensor':
      return bindTensor(info, value, strict);
    case 'int':
    case 'float':
    case 'bool':
    case 'string':
      return bindScalar(info, value);
    case 'tuple':
      return bindTuple(info, value, strict);
    case 'list':
      if (!Array.isArray(value)) throw typeError(info, value);
      return value.map((item, index) => bindValue(named(info.items![0]!, `${info.name}.${index}`), item, strict));
    case 'dict':
      if (typeof value !== 'object' || Array.isArray(value) || isTensorLike(value)) throw typeError(info, value);
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          bindValue(named(info.items![0]!, `${info.name}.${key}`), item as InputValue, strict),
        ]),
      );
    case 'any':
      return isTensorLike(value) ? toTensor(value) : value;
  }
}

function bindTuple(info: ValueInfo, value: InputValue, strict: boolean): InputValue {
  const items = info.items ?? [];
  if (!Array.isArray(value)) throw typeError(info, value);
  if (value.length > items.length) {
    throw new InfernodeError(
      'INF_INPUT_TYPE',
      `Input "${info.name}" is ${info.type}; ${value.length} elements were given`,
      {
        details: { name: info.name, expected: `${items.length} elements`, given: `${value.length} elements` },
      },
    );
  }
  return items.map((item, index) => bindValue(item, value[index], strict));
}

function bindTensor(info: ValueInfo, value: InputValue, strict: boolean): Tensor {
  const tensor = isTensorLike(value) ? toTensor(value) : scalarTensor(info, value);
  if (!strict) return tensor;
  if (info.dtype !== null && tensor.dtype !== info.dtype) throw dtypeError(info, tensor);
  if (info.shape !== null && !shapeFits(info, tensor.shape)) throw shapeError(info, tensor);
  return tensor;
}

/** A tensor, its data checked once more: the buffer may have been detached since. */
function toTensor(value: TensorLike): Tensor {
  if (value instanceof Tensor) {
    if (value.data.length === 0) checkTensor(value.dtype, value.data, value.shape);
    return value;
  }
  return new Tensor(value.dtype, value.data as DataOf<DType>, value.shape);
}

/** A bare number for a tensor input makes a tensor of no dimensions, where the dtype is known. */
function scalarTensor(info: ValueInfo, value: InputValue): Tensor {
  const isScalar =
    typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' || typeof value === 'string';
  if (!isScalar || info.dtype === null || (info.dtype === 'string') !== (typeof value === 'string'))
    throw typeError(info, value);
  if (info.dtype === 'string') return new Tensor('string', [value as string], []);
  if (info.dtype === 'float16' || info.dtype === 'bfloat16') throw typeError(info, value);
  const row = DTYPES[info.dtype];
  const data = new row.array(1);
  const wide = info.dtype === 'int64' || info.dtype === 'uint64';
  if (wide && typeof value === 'number' && !Number.isInteger(value)) throw typeError(info, value);
  data[0] = (wide ? BigInt(value) : Number(value)) as never;
  return new Tensor(info.dtype, data, []);
}

function bindScalar(info: ValueInfo, value: InputValue): InputValue {
  const bare = isTensorLike(value) ? toTensor(value).item() : value;
  const type = typeof bare;
  if (info.kind === 'bool' && type === 'boolean') return bare;
  if (info.kind === 'string' && type === 'string') return bare;
  if (info.kind === 'float' && (type === 'number' || type === 'bigint')) return Number(bare);
  if (info.kind === 'int' && type === 'bigint')
    return BigInt.asIntN(64, bare as bigint) === bare ? bare : fail(info, value);
  if (info.kind === 'int' && Number.isSafeInteger(bare)) return bare;
  return fail(info, value);
}

function fail(info: ValueInfo, value: InputValue): never {
  throw typeError(info, value);
}

function shapeFits(info: ValueInfo, shape: readonly number[]): boolean {
  // A leading '...' stands for any number of dimensions.
  const open = info.shape![0] === '...';
  const dims = open ? info.shape!.slice(1) : info.shape!;
  const skipped = open ? shape.length - dims.length : 0;
  if (skipped < 0 || shape.length - skipped !== dims.length) return false;
  return dims.every((dim, axis) => {
    const size = shape[skipped + axis]!;
    return (typeof dim !== 'number' || dim === size) && size <= (info.maxShape?.[axis] ?? Number.POSITIVE_INFINITY);
  });
}

/**
 * Why a run may have failed, told from a derived signature: the first tensor whose dtype or shape disagrees with it.
 * @returns undefined if every input agrees
 */
export function explainMismatch(signature: Signature, values: readonly InputValue[]): InfernodeError | undefined {
  for (const [index, info] of signature.inputs.entries()) {
    const tensor = values[index];
    if (info.kind !== 'tensor' || !(tensor instanceof Tensor)) continue;
    if (info.dtype !== null && tensor.dtype !== info.dtype) return dtypeError(info, tensor);
    if (info.shape !== null && !shapeFits(info, tensor.shape)) return shapeError(info, tensor);
  }
  return undefined;
}

type TensorLike = Pick<Tensor, 'dtype' | 'shape' | 'data'>;

function isTensorLike(value: unknown): value is TensorLike {
  return (
    value instanceof Tensor ||
    (typeof value === 'object' && value !== null && 'dtype' in value && 'data' in value && 'shape' in value)
  );
}

function named(info: ValueInfo, name: string): ValueInfo {
  return { ...info, name };
}

/** `[batch, 3, 224, 224]`, `?` for a dimension of any size, `batch<=64` for a bounded one. */
export function formatShape(
  shape: readonly (number | string | null)[] | null,
  maxShape?: readonly (number | null)[],
): string {
  if (shape === null) return '[...]';
  return `[${shape.map((dim, axis) => `${dim ?? '?'}${typeof dim !== 'number' && maxShape?.[axis] != null ? `<=${maxShape[axis]}` : ''}`).join(', ')}]`;
}

function listInputs(signature: Signature): string {
  if (signature.inputs.length === 0) return 'no inputs';
  return signature.inputs.map((info) => `"${info.name}" (${info.type})`).join(', ');
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (isTensorLike(value)) return `${value.dtype} ${formatShape(value.shape)}`;
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return typeof value === 'object' ? 'an object' : `${typeof value} ${String(value)}`;
}

function typeError(info: ValueInfo, value: unknown): InfernodeError {
  const given = describe(value);
  return new InfernodeError('INF_INPUT_TYPE', `Input "${info.name}" is ${info.type}; given: ${given}`, {
    details: { name: info.name, expected: info.type, given },
  });
}

function dtypeError(info: ValueInfo, tensor: Tensor): InfernodeError {
  return new InfernodeError(
    'INF_INPUT_DTYPE',
    `Input "${info.name}" must be ${info.dtype}, but ${tensor.dtype} was given`,
    {
      details: { name: info.name, expected: info.dtype!, given: tensor.dtype },
    },
  );
}

function shapeError(info: ValueInfo, tensor: Tensor): InfernodeError {
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
