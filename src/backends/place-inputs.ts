import { InfernodeError } from '../errors.js';
import type { Inputs, InputValue, Signature, ValueInfo } from './backend.js';
import { isPlainObject, isTensorLike, listInputs, typeError } from './input-errors.js';

/**
 * Puts inputs into the order of the signature, undefined where one is left out. What the caller gave is not changed.
 * @throws InfernodeError INF_INPUT_UNKNOWN, INF_INPUT_TYPE
 */
export function placeInputs(signature: Signature, inputs: Inputs): InputValue[] {
  return Array.isArray(inputs)
    ? byPosition(signature, inputs)
    : byName(signature, inputs as Record<string, InputValue>);
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
  for (const name of Object.keys(inputs)) {
    const index = indexOf(signature, name);
    if (index >= 0) values[index] = inputs[name];
    else placeElement(signature, values, name, inputs[name]);
  }
  return values;
}

/** -1 for none. Not `findIndex`, whose callback would be made anew in each call. */
function indexOf({ inputs }: Signature, name: string): number {
  for (let index = 0; index < inputs.length; index++) if (inputs[index]!.name === name) return index;
  return -1;
}

/** `hc0.1` sets element 1 of the tuple, list or dict `hc0`. */
function placeElement(signature: Signature, values: InputValue[], name: string, value: InputValue): void {
  const [root, ...path] = name.split('.') as [string, ...string[]];
  const index = indexOf(signature, root);
  if (index < 0 || path.length === 0) throw unknownInput(signature, name);
  values[index] = withElement(signature.inputs[index]!, values[index], path, value, () =>
    unknownInput(signature, name),
  );
}

/** A copy of a container with one element set. @throws what `unknown` makes, if it can have no such element */
function withElement(
  info: ValueInfo,
  container: InputValue,
  path: readonly string[],
  value: InputValue,
  unknown: () => InfernodeError,
): InputValue {
  const [step, ...rest] = path;
  if (step === undefined) return value;
  const isDict = info.kind === 'dict';
  const element = info.kind === 'tuple' ? info.items?.[Number(step)] : info.items?.[0];
  if (element === undefined || !(isDict || /^\d{1,6}$/.test(step))) throw unknown();
  const elements = new Map(entriesOf(info, container));
  elements.set(step, withElement(element, elements.get(step), rest, value, unknown));
  // fromEntries makes own properties of all keys, `__proto__` too.
  return isDict ? Object.fromEntries(elements) : listOf(elements);
}

function entriesOf(info: ValueInfo, container: InputValue): [string, InputValue][] {
  if (container === undefined) return [];
  const fits = info.kind === 'dict' ? isPlainObject(container) : Array.isArray(container);
  if (!fits) throw typeError(info, container);
  return Object.entries(container as object);
}

function listOf(elements: ReadonlyMap<string, InputValue>): InputValue[] {
  const length = Math.max(...Array.from(elements.keys(), Number)) + 1;
  return Array.from({ length }, (_, index) => elements.get(String(index)));
}

function unknownInput(signature: Signature, name: string): InfernodeError {
  return new InfernodeError(
    'INF_INPUT_UNKNOWN',
    `The model has no input "${name}"; it takes ${listInputs(signature)}`,
    { details: { name, expected: signature.inputs.map((info) => info.name).join(', '), given: name } },
  );
}
