import type { Dim, ModelInfo, Signature, ValueInfo } from '../backends/backend.js';
import type { ModelConfig, ValueConfig } from '../config/model-config.js';
import { InfernodeError } from '../errors.js';

/**
 * Holds what model.json says of inputs and outputs against what the file of the model declares.
 *
 * @throws InfernodeError INF_MODEL_CONFIG where the two contradict each other
 */
export function checkConfig({ inputs, outputs }: ModelConfig, info: ModelInfo, signature: Signature): void {
  // Dtypes and shapes that were derived are good guesses; who wrote model.json knows better.
  const isDeclared = info.signatureSource === 'declared';
  for (const [list, given, values] of [
    ['inputs', inputs ?? [], signature.inputs],
    ['outputs', outputs ?? [], signature.outputs],
  ] as const) {
    const known = values.flatMap(leaves);
    for (const [index, value] of given.entries()) checkValue(`${list}[${index}]`, value, known, isDeclared);
  }
}

function checkValue(path: string, said: ValueConfig, known: readonly ValueInfo[], isDeclared: boolean): void {
  const info = known.find(({ name }) => name === said.name);
  if (info === undefined) {
    // The elements of lists and dicts have names that only a call shows.
    if (known.some(({ name }) => name.endsWith('.*') && said.name.startsWith(name.slice(0, -1)))) return;
    const names = known.map(({ name }) => name).join(', ');
    throw contradiction(`${path}.name`, names === '' ? 'none at all' : `one of ${names}`, said.name);
  }
  if (!isDeclared) return;
  if (said.dtype !== undefined && info.dtype !== null && said.dtype !== info.dtype)
    throw contradiction(`${path}.dtype`, info.dtype, said.dtype);
  if (said.shape !== undefined && info.shape !== null && !agree(info.shape, said.shape))
    throw contradiction(`${path}.shape`, show(info.shape), show(said.shape));
}

/** Tuples by their elements, as calls name them. */
function leaves(info: ValueInfo): ValueInfo[] {
  return info.items === undefined || info.items.length === 0 ? [info] : info.items.flatMap(leaves);
}

/** Sizes that one of the two leaves open agree with any. */
function agree(declared: readonly Dim[], said: readonly Dim[]): boolean {
  if (declared[0] === '...') return true;
  return (
    declared.length === said.length &&
    declared.every((dim, axis) => typeof dim !== 'number' || typeof said[axis] !== 'number' || dim === said[axis])
  );
}

function show(shape: readonly Dim[]): string {
  return `[${shape.map((dim) => dim ?? -1).join(', ')}]`;
}

function contradiction(path: string, expected: string, given: string): InfernodeError {
  return new InfernodeError(
    'INF_MODEL_CONFIG',
    `model.json: ${path} must be ${expected}, as in the model; given: ${given}`,
    {
      details: { path, expected, given },
    },
  );
}
