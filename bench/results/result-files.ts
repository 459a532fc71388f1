import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SystemInfo } from '#src/config/system-info';
import type { BenchPlan } from '../plan.js';
import { ROOT } from '../root.js';
import { readResult } from './read-result.js';
import type { BenchResult } from './result.js';

/** Where results are, from the top of the project. */
export const RESULTS = 'bench/results';

/**
 * Names machines that are alike as far as these figures go: the CPU, its cores, and the last of its instructions for inference.
 * Processors of one name differ in those, in a cloud from one day to the next.
 */
export function machineKind({ cpu, cores }: Pick<SystemInfo, 'cpu' | 'cores'>): string {
  const newest = cpu.features?.filter((name) => name !== 'fma').at(-1) ?? 'plain';
  return `${cpu.model} ${cores} ${newest}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
}

/** The file of a result, from the top of the project: one for each mode and kind of machine. */
export function resultPath(mode: BenchPlan['mode'], machine: SystemInfo): string {
  return `${RESULTS}/${mode}-${machineKind(machine)}.json`;
}

/** Results that are there, the newest first. */
export function resultsThere(root = ROOT): BenchResult[] {
  const folder = join(root, RESULTS);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return newestFirst(files.map((name) => readResult(readFileSync(join(folder, name), 'utf8'))));
}

export function newestFirst(results: readonly BenchResult[]): BenchResult[] {
  return [...results].sort((a, b) => Date.parse(b.date) - Date.parse(a.date));
}

/** Of each kind of machine the result that says most: the newest of `bench:full`, else the newest. The one with the most figures first. */
export function bestOfEachKind(results: readonly BenchResult[]): BenchResult[] {
  const best = new Map<string, BenchResult>();
  for (const result of newestFirst(results)) {
    const kind = machineKind(result.machine);
    const found = best.get(kind);
    if (found === undefined || (found.plan.mode !== 'full' && result.plan.mode === 'full')) best.set(kind, result);
  }
  return newestFirst([...best.values()]).sort((a, b) => b.measurements.length - a.measurements.length);
}

/** What a result is held against: of the same kind of machine and the same mode if there is one, then of the same kind of machine. */
export function baselineFor(result: BenchResult, earlier: readonly BenchResult[]): BenchResult | null {
  const kind = machineKind(result.machine);
  const isAlike = ({ machine }: BenchResult) => machineKind(machine) === kind;
  const isSameMode = ({ plan }: BenchResult) => plan.mode === result.plan.mode;
  const sorted = newestFirst(earlier);
  return (
    sorted.find((each) => isAlike(each) && isSameMode(each)) ??
    sorted.find(isAlike) ??
    sorted.find(isSameMode) ??
    sorted[0] ??
    null
  );
}
