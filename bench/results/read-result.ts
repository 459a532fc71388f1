import type { BenchResult } from './result.js';

/** @throws an error where the text is no result of this version */
export function readResult(text: string): BenchResult {
  const result = JSON.parse(text) as BenchResult;
  if (result.schemaVersion !== 2) throw new Error(`a result of schemaVersion ${result.schemaVersion}, expected 2`);
  return result;
}
