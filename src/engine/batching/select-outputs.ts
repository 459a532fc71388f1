import type { Outputs } from '../../backends/backend.js';
import { didYouMean } from '../../config/suggest.js';
import { InfernodeError } from '../../errors.js';

/**
 * The outputs that are asked for, in the order of the question; all if nothing is asked for.
 *
 * @throws InfernodeError INF_OUTPUT_UNKNOWN for one that is not there, or asked for twice
 */
export function selectOutputs(outputs: Outputs, names: readonly string[] | undefined): Outputs {
  if (names === undefined) return outputs;
  const selected = new Map(
    names.map((name) => {
      if (!Object.hasOwn(outputs, name)) throw unknownOutput(name, Object.keys(outputs));
      return [name, outputs[name]!] as const;
    }),
  );
  if (selected.size < names.length) {
    const twice = names.find((name, index) => names.indexOf(name) < index)!;
    throw new InfernodeError('INF_OUTPUT_UNKNOWN', `Output "${twice}" is asked for twice`, {
      details: { name: twice },
    });
  }
  return Object.fromEntries(selected);
}

function unknownOutput(name: string, known: readonly string[]): InfernodeError {
  const hint = didYouMean(name, known);
  return new InfernodeError(
    'INF_OUTPUT_UNKNOWN',
    `The model has no output "${name}"${hint || `; it gives ${known.join(', ')}`}`,
    { details: { name, expected: known.join(', '), given: name } },
  );
}
