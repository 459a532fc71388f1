import type { OptimizeProgress } from './optimize-report.js';

/** Turns steps done into a fraction of the whole. */
export interface ProgressMeter {
  /** @param threadCounts candidates of each build */
  plan(builds: number, threadCounts: number): void;
  enter(stage: OptimizeProgress['stage'], candidate?: string): void;
  /** Counts candidates that will not be tried. */
  skip(candidates: number): void;
}

export function startProgress(onProgress: (progress: OptimizeProgress) => void): ProgressMeter {
  // Samples, reference, comparing and writing are a step each; so is every conversion and every candidate.
  const fixed = 4;
  let total = fixed;
  let done = 0;
  return {
    plan(builds, threadCounts) {
      total = fixed + builds * (1 + threadCounts);
    },
    enter(stage, candidate) {
      const fraction = stage === 'done' ? 1 : Math.min(done / total, 0.99);
      onProgress({ stage, fraction, ...(candidate !== undefined && { candidate }) });
      // How many groups of layers there will be is not known beforehand.
      if (stage !== 'layers') done++;
    },
    skip(candidates) {
      done += candidates;
    },
  };
}
