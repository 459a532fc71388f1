import type { BenchResult } from '../results/result.js';
export function printSummary(result: BenchResult): void {
  console.log(result.measurements.length);
}
