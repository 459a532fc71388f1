import { BACKEND_NAMES } from '../backends/registry.js';
import type { Build } from '../conversion/build.js';
import { messageOf } from '../errors.js';
import { alternativeTo } from './alternative.js';
import type { CandidateResult } from './optimize-report.js';
import type { ProgressMeter } from './progress.js';
import { keepSensitiveLayers } from './sensitivity.js';
import { type Built, candidateName, makeBuild, type TrialSetup, type Tried, tryCandidate } from './trial.js';

/** Tries every build on every thread count, then what is worth it after that: alternatives, and layers kept in float32. */
export async function tryAll(
  builds: readonly Build[],
  threadCounts: readonly number[],
  setup: TrialSetup,
  progress: ProgressMeter,
): Promise<Tried[]> {
  const tried: Tried[] = [];
  const tryBuilt = async (built: Built) => {
    const results: CandidateResult[] = [];
    for (const threads of threadCounts) {
      setup.signal?.throwIfAborted();
      progress.enter('measure', candidateName(built.build, threads));
      results.push(await tryCandidate(built, threads, setup));
    }
    tried.push(...results.map((result) => ({ built, result })));
    return results;
  };
  const tryBuild = async (build: Build, id: string) => {
    progress.enter('build', build.name);
    let built: Built;
    try {
      built = await makeBuild(build, setup, id);
    } catch (error) {
      setup.signal?.throwIfAborted();
      const result = failed(build, messageOf(error));
      tried.push({ built: { build, file: '', fileBytes: 0 }, result });
      progress.skip(threadCounts.length);
      return [result];
    }
    return tryBuilt(built);
  };
  for (const [index, build] of builds.entries()) {
    const other = alternativeTo(build, await tryBuild(build, String(index)));
    if (other !== undefined) await tryBuild(other, `${index}-other`);
  }
  for (const build of nearMisses(tried)) {
    const mixed = await keepSensitiveLayers(build, Math.max(...threadCounts), setup, (done, of) =>
      progress.enter('layers', `${build.name}, group ${done + 1} of ${of}`),
    );
    if (mixed !== undefined) await tryBuilt(mixed);
  }
  return tried;
}

/** Of each backend whose static INT8 builds are all too inaccurate, the one that comes nearest. */
function nearMisses(tried: readonly Tried[]): Build[] {
  const builds: Build[] = [];
  for (const backend of BACKEND_NAMES) {
    const own = tried.filter(({ built }) => built.build.backend === backend && built.build.mode === 'static');
    if (own.some(({ result }) => result.verdict === 'right')) continue;
    const missed = own.filter(({ result }) => result.verdict === 'inaccurate' && result.accuracy !== undefined);
    const nearness = ({ result }: Tried) => result.accuracy!.top1 ?? result.accuracy!.cosine;
    const nearest = missed.sort((a, b) => nearness(b) - nearness(a))[0];
    if (nearest !== undefined) builds.push(nearest.built.build);
  }
  return builds;
}

function failed({ name, backend, precision }: Build, reason: string): CandidateResult {
  return { name, backend, precision, threads: 0, verdict: 'failed', reason };
}
