import type { ContestantResult } from '../results/result.js';

/** Why a contestant took no part, said once for models that it holds for alike; empty where it took part with all. */
export function absenceOf(results: readonly ContestantResult[]): string {
  const models = new Map<string, string[]>();
  for (const { absent, model } of results) {
    if (absent !== null) models.set(absent, [...(models.get(absent) ?? []), model]);
  }
  const all = (names: readonly string[]) => (names.length === results.length ? '' : `${names.join(', ')}: `);
  return Array.from(models, ([reason, names]) => all(names) + reason).join('; ');
}
