import type { Measured } from './result.js';
import { figureOf } from './spread.js';

/** Of quick calls a good part is not the model's, which differs from process to process, and needs more of them to be measured. */
export type Pace = 'quick' | 'slow';

/** Calls that take less are quick. */
export const QUICK_MS = 1;

/** Servers that answer more in a second are quick. */
export const QUICK_QUERIES = 200;

/** @param measured in a scenario of MLPerf Inference */
export function paceOf({ scenario, at, rounds }: Measured): Pace {
  const { median } = figureOf(rounds);
  if (scenario === 'Server') return median > QUICK_QUERIES ? 'quick' : 'slow';
  const ms = scenario === 'Offline' ? (1000 * (at ?? 1)) / median : median;
  return ms < QUICK_MS ? 'quick' : 'slow';
}
