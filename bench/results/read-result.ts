import type { BenchResult } from './result.js';

/** @throws an error where the text is no result of this version */
export function readResult(text: string): BenchResult {
  const result = parsed(text);
  if (result?.schemaVersion !== 2) {
    throw new Error(`no result of the benchmarks of this version (schemaVersion ${result?.schemaVersion}, expected 2)`);
  }
  return result as BenchResult;
}

function parsed(text: string): Partial<BenchResult> | null {
  try {
    return JSON.parse(text) as Partial<BenchResult> | null;
  } catch (cause) {
    throw new Error('no JSON: the file is damaged, or another one', { cause });
  }
}
