import { HALF_BINS, type Histogram } from './histogram.js';
import type { Range } from './qdq-apply.js';

/** Levels on one side of zero. */
const LEVELS = 128;

/** Bins between two thresholds that are tried. */
const STEP = 8;

/**
 * The range whose quantized distribution tells most of the true one: of all thresholds of the magnitude, the one with the
 * smallest Kullback-Leibler divergence. After Migacz, "8-bit Inference with TensorRT" (GTC 2017). Never wider than the
 * values.
 */
export function entropyRange({ counts, width, min, max }: Histogram): Range {
  const magnitudes = new Float64Array(HALF_BINS);
  for (let i = 0; i < HALF_BINS; i++) magnitudes[i] = counts[HALF_BINS + i]! + counts[HALF_BINS - 1 - i]!;
  let threshold = HALF_BINS;
  let least = Number.POSITIVE_INFINITY;
  for (let bins = LEVELS; bins <= HALF_BINS; bins += STEP) {
    const divergence = divergenceAt(magnitudes, bins);
    if (divergence <= least) {
      least = divergence;
      threshold = bins;
    }
  }
  const bound = threshold * width;
  return { min: Math.max(Math.min(0, min), -bound), max: Math.min(Math.max(0, max), bound) };
}

/** The divergence of `bins` bins put together to LEVELS levels, from the same with the outliers in the last bin. */
function divergenceAt(magnitudes: Float64Array, bins: number): number {
  let outliers = 0;
  for (let i = bins; i < magnitudes.length; i++) outliers += magnitudes[i]!;
  let kept = 0;
  for (let i = 0; i < bins; i++) kept += magnitudes[i]!;
  if (kept === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let level = 0; level < LEVELS; level++) {
    const start = Math.floor((level * bins) / LEVELS);
    const end = Math.floor(((level + 1) * bins) / LEVELS);
    let sum = 0;
    let filled = 0;
    for (let i = start; i < end; i++) {
      sum += magnitudes[i]!;
      if (magnitudes[i]! > 0) filled++;
    }
    for (let i = start; i < end; i++) {
      const truth = (magnitudes[i]! + (i === bins - 1 ? outliers : 0)) / (kept + outliers);
      if (truth === 0) continue;
      // The quantized one spreads a level evenly over its bins that hold anything. Where only outliers do, it has nothing.
      const told = filled === 0 ? 1e-12 : sum / filled / kept;
      divergence += truth * Math.log(truth / told);
    }
  }
  return divergence;
}
