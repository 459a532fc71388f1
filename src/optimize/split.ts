import { createHash } from 'node:crypto';

/** Samples for calibration, and others to validate on, which calibration never sees. */
export interface Split<T> {
  readonly calibration: readonly T[];
  readonly validation: readonly T[];
}

/**
 * Splits samples by a hash of their names, so that each part is a fair mix whatever their order, and the same in each run.
 *
 * @param calibration the most for calibration; never more than half
 * @param validation the most for validation
 */
export function splitSamples<T extends { readonly name: string }>(
  samples: readonly T[],
  calibration: number,
  validation: number,
): Split<T> {
  const hashed = samples.map((sample) => ({ sample, hash: createHash('sha256').update(sample.name).digest('hex') }));
  const mixed = hashed.sort((a, b) => (a.hash < b.hash ? -1 : 1)).map(({ sample }) => sample);
  const size = Math.min(calibration, Math.floor(mixed.length / 2));
  return { calibration: mixed.slice(0, size), validation: mixed.slice(size, size + validation) };
}
