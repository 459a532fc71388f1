import { HALF_BINS, type Histogram } from './histogram.js';
import type { Range } from './qdq-apply.js';

/** Steps of an end of the range on its way to a tenth of it. */
const STEPS = 60;
const LEAST = 0.1;

/** Levels between neighbours of 8 bits. */
const INTERVALS = 255;

/**
 * The range with the smallest mean squared error: what lies outside is cut to its ends, what lies inside is off by a
 * twelfth of the squared step on average. After Choukroun et al., "Low-bit Quantization of Neural Networks for Efficient
 * Inference" (2019). Both ends shrink together first, then each by itself.
 */
export function mseRange(histogram: Histogram): Range {
  const full = { min: Math.min(0, histogram.min), max: Math.max(0, histogram.max) };
  if (histogram.width === 0) return full;
  const both = best(histogram, (share) => ({ min: full.min * share, max: full.max * share }));
  const lower = best(histogram, (share) => ({ min: full.min * share, max: both.max }));
  return best(histogram, (share) => ({ min: lower.min, max: full.max * share }));
}

function best(histogram: Histogram, candidate: (share: number) => Range): Range {
  let found = candidate(1);
  let least = Number.POSITIVE_INFINITY;
  for (let step = 0; step <= STEPS; step++) {
    const range = candidate(1 - ((1 - LEAST) * step) / STEPS);
    const error = squaredError(histogram, range);
    if (error < least) {
      least = error;
      found = range;
    }
  }
  return found;
}

function squaredError({ counts, width }: Histogram, { min, max }: Range): number {
  const rounding = ((max - min) / INTERVALS) ** 2 / 12;
  let error = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!;
    if (count === 0) continue;
    const value = (i + 0.5 - HALF_BINS) * width;
    const beyond = value < min ? min - value : value > max ? value - max : 0;
    error += count * (beyond === 0 ? rounding : beyond * beyond);
  }
  return error;
}
