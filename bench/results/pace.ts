import type { Measured } from './result.js';
import { figureOf } from './spread.js';

/** Of quick calls and of what is served, a good part is not the model's: it differs from process to process, and so from run to run. */
export type Pace = 'quick' | 'slow' | 'served';

/** Calls that take less are quick. */
export const QUICK_MS = 1;

/** @param measured in a scenario of MLPerf Inference */
export function paceOf({ scenario, at, rounds }: Measured): Pace {
  if (scenario === 'Server') return 'served';
  const { median } = figureOf(rounds);
  const ms = scenario === 'Offline' ? (1000 * (at ?? 1)) / median : median;
  return ms < QUICK_MS ? 'quick' : 'slow';
}
