import { HALF_BINS, type Histogram } from './histogram.js';
import type { Range } from './qdq-apply.js';

/** The range without the outermost values: half of the share that is not kept at either end. Never wider than the values. */
export function percentileRange({ counts, width, zeros, total, min, max }: Histogram, kept: number): Range {
  const cut = (total * (1 - kept)) / 2;
  return {
    min: Math.max(min, Math.min(0, lower(counts, width, zeros, cut))),
    max: Math.min(max, Math.max(0, upper(counts, width, zeros, cut))),
  };
}

function lower(counts: Float64Array, width: number, zeros: number, cut: number): number {
  let seen = 0;
  for (let i = 0; i < counts.length; i++) {
    if (i === HALF_BINS) seen += zeros;
    seen += counts[i]!;
    if (seen > cut) return (i - HALF_BINS) * width;
  }
  return 0;
}

function upper(counts: Float64Array, width: number, zeros: number, cut: number): number {
  let seen = 0;
  for (let i = counts.length - 1; i >= 0; i--) {
    if (i === HALF_BINS - 1) seen += zeros;
    seen += counts[i]!;
    if (seen > cut) return (i + 1 - HALF_BINS) * width;
  }
  return 0;
}
