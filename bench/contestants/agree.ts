import type { PrecisionClass } from './catalogue.js';
import type { Contestant } from './contestant.js';

/** An answer: the first output of a call. */
export interface Answer {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** How near two answers come. */
export interface Agreement {
  /** The largest difference, relative to the largest element. */
  readonly difference: number;
  readonly cosine: number;
}

/** What sums of float32 in another order lose. */
const MOST_DIFFERENCE = 1e-3;
/** What BF16 and INT8 may cost; `optimize` lets the mean of many samples fall to 0.99. */
const LEAST_COSINE = 0.98;

/** @throws an error that says how far apart the answers are, if that is too far for what computed them */
export function agreementOf(given: Answer, expected: Answer, precision: PrecisionClass): Agreement {
  if (String(given.shape) !== String(expected.shape)) {
    throw new Error(`its shape is [${given.shape}], not [${expected.shape}]`);
  }
  let [dot, own, other, largest, distance] = [0, 0, 0, 0, 0];
  for (let index = 0; index < expected.data.length; index++) {
    const [a, b] = [given.data[index]!, expected.data[index]!];
    dot += a * b;
    own += a * a;
    other += b * b;
    largest = Math.max(largest, Math.abs(b));
    distance = Math.max(distance, Math.abs(a - b));
  }
  const agreement = { difference: distance / largest, cosine: dot / Math.sqrt(own * other) };
  // A NaN is not near anything.
  const agrees = precision === 'fp32' ? agreement.difference <= MOST_DIFFERENCE : agreement.cosine >= LEAST_COSINE;
  if (agrees) return agreement;
  const { difference, cosine } = agreement;
  throw new Error(
    `it is off by ${difference.toPrecision(3)} of the largest element, the cosine is ${cosine.toFixed(5)}`,
  );
}

/**
 * Compares the answers of all contestants to all inputs with those of the first one in fp32. What computes something else
 * measures nothing.
 *
 * @returns the agreement of each contestant on the inputs where it is worst; none for the first one, and for those that are absent
 * @throws an error that says whose answer differs
 */
export async function checkAgreement(
  contestants: readonly Contestant[],
  inputs: number,
): Promise<Map<Contestant, Agreement>> {
  const [reference, ...others] = contestants.filter(({ process }) => process !== null);
  const worst = new Map<Contestant, Agreement>();
  if (reference === undefined) return worst;
  if (reference.result.precision !== 'fp32')
    throw new Error('no contestant computes in fp32, to compare the others with');
  for (let input = 0; input < inputs; input++) {
    const expected = await reference.process!.ask({ ask: 'answer', input });
    for (const contestant of others) {
      const { name, precision } = contestant.result;
      const given = await contestant.process!.ask({ ask: 'answer', input });
      try {
        const agreement = agreementOf(given, expected, precision);
        if (!(agreement.cosine > (worst.get(contestant)?.cosine ?? 1))) worst.set(contestant, agreement);
      } catch (error) {
        throw new Error(`${name} does not answer as ${reference.spec.name} does: ${(error as Error).message}`);
      }
    }
  }
  return worst;
}
