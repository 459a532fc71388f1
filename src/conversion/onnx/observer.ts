import { entropyRange } from './entropy-range.js';
import type { Histogram } from './histogram.js';
import { mseRange } from './mse-range.js';
import { percentileRange } from './percentile-range.js';
import type { Range } from './qdq-apply.js';

/**
 * How the range of a tensor is found: its extremes; without a share of outliers at either end; or the range whose
 * quantization changes the values least, by squared error or by the divergence of their distributions.
 */
export type ObserverName = 'min-max' | 'percentile' | 'mse' | 'entropy';

export const OBSERVERS: readonly ObserverName[] = ['min-max', 'percentile', 'mse', 'entropy'];

/** Observers that look at all values; the extremes are found by the model itself. */
export type HistogramObserver = Exclude<ObserverName, 'min-max'>;

/** What part of the values `percentile` keeps; as onnxruntime.quantization does unless told otherwise. */
const KEPT = 0.99999;

/** The range of all values that were counted. */
export function rangeOf(observer: HistogramObserver, histogram: Histogram): Range {
  switch (observer) {
    case 'percentile':
      return percentileRange(histogram, KEPT);
    case 'mse':
      return mseRange(histogram);
    case 'entropy':
      return entropyRange(histogram);
  }
}
