import { InfernodeError } from '../errors.js';
import { type DataOf, DTYPES, type DType, type TensorData } from '../tensor/dtype.js';
import { storedElement } from '../tensor/element.js';
import { checkTensor, isWhole, Tensor } from '../tensor/tensor.js';
import type { Inputs, InputValue, Signature, ValueInfo } from './backend.js';
import { dtypeError, isPlainObject, isTensorLike, shapeError, type TensorLike, typeError } from './input-errors.js';
import { placeInputs } from './place-inputs.js';

/**
 * Puts a call's inputs into the order of the signature and checks each: names, presence, kind and tensor data always;
 * dtype and shape only if `strict`, that is where the model file declares them.
 *
 * @returns one value per entry of `signature.inputs`, undefined where an optional input is left out
 * @throws InfernodeError INF_INPUT_UNKNOWN, INF_INPUT_MISSING, INF_INPUT_TYPE, INF_INPUT_DTYPE, INF_INPUT_SHAPE, INF_TENSOR_*
 */
export function bindInputs(signature: Signature, inputs: Inputs, strict: boolean): InputValue[] {
  const values = placeInputs(signature, inputs);
  for (let index = 0; index < signature.inputs.length; index++) {
    values[index] = bindValue(signature.inputs[index]!, values[index], strict);
  }
  return values;
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
      // Not value.map, which skips the holes of an array.
      return Array.from(value, (item: InputValue, index) =>
        bindValue(named(info.items![0]!, `${info.name}.${index}`), item, strict),
      );
    case 'dict':
      if (!isPlainObject(value)) throw typeError(info, value);
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
    if (!isWhole(value)) checkTensor(value.dtype, value.data, value.shape);
    return isResizable(value.data) ? copyOf(value) : value;
  }
  return toTensor(new Tensor(value.dtype, value.data as DataOf<DType>, value.shape));
}

/** The memory of a resizable buffer can go away in the middle of a call, which nothing else can do. */
function isResizable(data: TensorData): boolean {
  return !Array.isArray(data) && (data.buffer as { resizable?: boolean }).resizable === true;
}

function copyOf({ dtype, data, shape }: Tensor): Tensor {
  return Tensor.trusted(dtype, data.slice() as DataOf<DType>, shape);
}

/** A bare number for a tensor input makes a tensor of no dimensions, where the dtype is known and holds it. */
function scalarTensor(info: ValueInfo, value: InputValue): Tensor {
  const isScalar = value !== null && ['number', 'bigint', 'boolean', 'string'].includes(typeof value);
  if (!isScalar || info.dtype === null || (info.dtype === 'string') !== (typeof value === 'string')) {
    throw typeError(info, value);
  }
  const stored = storedElement(value, info.dtype, () => `of input "${info.name}"`);
  if (info.dtype === 'string') return new Tensor('string', [stored as string], []);
  return new Tensor(info.dtype, DTYPES[info.dtype].array.of(stored as never) as DataOf<DType>, []);
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

function named(info: ValueInfo, name: string): ValueInfo {
  return { ...info, name };
}
