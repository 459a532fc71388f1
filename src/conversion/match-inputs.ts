import type { SampleInputs } from './build.js';

/**
 * Inputs under the names that a model has for them. Exports of one network to two formats often name its inputs
 * differently; then their order tells which is which.
 */
export function matchInputs(inputs: SampleInputs, names: readonly string[]): SampleInputs {
  const given = Object.keys(inputs);
  const rootOf = (name: string) => name.split('.')[0]!;
  if (given.every((name) => names.includes(name) || names.includes(rootOf(name)))) return inputs;
  if (given.length > names.length) return inputs;
  return Object.fromEntries(Object.values(inputs).map((value, index) => [names[index]!, value]));
}
