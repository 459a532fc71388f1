import type { Outputs } from '../backends/backend.js';
import { InfernodeError } from '../errors.js';
import { relativeDistance } from '../tensor/distance.js';
import type { MatmulPrecision } from './protocol.js';

/** How near the answers of two runtimes come. */
export interface Agreement {
  /** Of the output that differs most: its largest difference, relative to its largest element. */
  readonly difference: number;
  readonly output: string;
  readonly tolerance: number;
}

/** What sums of float32 in another order lose. */
const SAME = 1e-3;
/** Where one of the two rounds to 8 bits or so, a network may carry that far. */
const COARSE = 0.1;

/** The most that two runtimes may differ by, which compute in these precisions. */
export function toleranceOf(precisions: readonly (MatmulPrecision | null)[]): number {
  return precisions.every((precision) => precision === 'fp32') ? SAME : COARSE;
}

/**
 * Compares outputs: by name, or by their order where exports name them differently.
 *
 * @throws InfernodeError INF_OUTPUT_MISMATCH if they differ in number, dtype or shape, or by more than the tolerance
 */
export function agreementOf(outputs: Outputs, others: Outputs, tolerance: number): Agreement {
  const [names, otherNames] = [Object.keys(outputs), Object.keys(others)];
  if (names.length !== otherNames.length) {
    const [expected, given] = [names.join(', '), otherNames.join(', ')];
    throw mismatch(`The outputs are ${expected} and, by the other runtime, ${given}`, { expected, given });
  }
  const sameNames = names.every((name) => Object.hasOwn(others, name));
  let worst: Agreement = { difference: 0, output: names[0] ?? '', tolerance };
  for (const [index, output] of names.entries()) {
    const [a, b] = [outputs[output]!, others[sameNames ? output : otherNames[index]!]!];
    const [expected, given] = [`${a.dtype} [${a.shape}]`, `${b.dtype} [${b.shape}]`];
    if (expected !== given) {
      const message = `Output ${output} is ${expected} and, by the other runtime, ${given}`;
      throw mismatch(message, { name: output, expected, given });
    }
    const difference =
      a.dtype === 'string' ? Number(String(a.data) !== String(b.data)) : relativeDistance(a.toNumbers(), b.toNumbers());
    // A NaN is not within any tolerance.
    if (!(difference <= tolerance)) {
      const message = `Output ${output} differs by ${difference.toPrecision(3)} of its largest element, more than ${tolerance}: the two files or runtimes do not compute the same`;
      throw mismatch(message, { name: output, expected: `at most ${tolerance}`, given: String(difference) });
    }
    if (difference > worst.difference) worst = { difference, output, tolerance };
  }
  return worst;
}

function mismatch(message: string, details: Record<string, string>): InfernodeError {
  return new InfernodeError('INF_OUTPUT_MISMATCH', message, { details });
}
