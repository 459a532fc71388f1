/** Below this share of the capacity nothing is looked for. */
const LEAST_SHARE = 1 / 64;

/**
 * Finds the highest rate that holds, by bisection on a logarithmic scale. A rate that does not hold is tried once more: one stall of
 * the machine would else halve what is found.
 *
 * @param capacity the throughput with many clients, about which the rate is looked for
 * @param halvings of the interval, from half to one and a quarter of the capacity
 * @returns the highest rate that was seen to hold, 0 if none did
 * @throws an error for a capacity of 0
 */
export async function highestRate(
  capacity: number,
  halvings: number,
  holds: (rate: number) => Promise<boolean>,
): Promise<number> {
  if (!(capacity > 0)) throw new Error('no query was answered in the time of a trial; it is too short for this model');
  const isGood = async (rate: number) => (await holds(rate)) || (await holds(rate));
  let low = capacity / 2;
  let high = capacity * 1.25;
  while (!(await isGood(low))) {
    high = low;
    low /= 2;
    if (low < capacity * LEAST_SHARE) return 0;
  }
  for (let step = 0; step < halvings; step++) {
    const middle = Math.sqrt(low * high);
    if (await isGood(middle)) low = middle;
    else high = middle;
  }
  return low;
}
