import type { Build } from '../conversion/build.js';
import type { CandidateResult } from './optimize-report.js';

/**
 * What to try where a build did not do: BF16 without NHWC where it does not run so (a `view` that is written through, for
 * one), and static INT8 without the outermost values where all of them make the steps too coarse.
 *
 * @param results of the build, for every thread count
 */
export function alternativeTo(build: Build, results: readonly CandidateResult[]): Build | undefined {
  const { name, precision, layout, mode, observer } = build;
  if (precision === 'bf16' && layout?.channelsLast && results.every(({ verdict }) => verdict === 'failed')) {
    return { ...build, name: name.replace(' nhwc', ''), layout: { ...layout, channelsLast: false } };
  }
  if (mode === 'static' && observer === 'min-max' && results.some(({ verdict }) => verdict === 'inaccurate')) {
    return { ...build, name: `${name} percentile`, observer: 'percentile' };
  }
  return undefined;
}
