import type { Signature, ValueInfo } from '../backends/backend.js';

/** The input of this name, or the element at this path (`hc0.0`) of a tuple, list or dict; undefined if there is none. */
export function findInput(signature: Signature, name: string): ValueInfo | undefined {
  const whole = signature.inputs.find((input) => input.name === name);
  if (whole !== undefined) return whole;
  const [root, ...path] = name.split('.');
  let info = signature.inputs.find((input) => input.name === root);
  for (const step of path) info = info?.kind === 'tuple' ? info.items?.[Number(step)] : info?.items?.[0];
  return info;
}

/** The name of the input that a name or path belongs to. */
export function findRoot({ inputs }: Signature, name: string): string | undefined {
  const whole = inputs.find((input) => input.name === name);
  return (whole ?? inputs.find((input) => input.name === name.split('.')[0]))?.name;
}
