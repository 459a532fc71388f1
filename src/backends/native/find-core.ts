import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../config/package-root.js';
import { InfernodeError } from '../../errors.js';
import type { Attempt } from '../backend.js';
import { type AddonFolder, addonFolders, coreIn, userBuilds } from './addon-folders.js';
import { elfProblem } from './elf-file.js';
import { fixOf } from './fixes.js';
import { checkAgainstManifest } from './manifest.js';
import { probeCore } from './probe.js';
import type { ProbeOptions } from './probe-cache.js';
import type { ProbeResult } from './probe-process.js';

/** The core add-on that works here, and every place that was tried for it. */
export interface FoundCore {
  readonly path: string | null;
  readonly attempts: readonly Attempt[];
  /** What the last file that was refused was refused for, if its content was wrong. */
  readonly invalid: InfernodeError | null;
}

let known: { readonly asked: string | undefined; readonly search: Promise<FoundCore> } | undefined;

/** As `findCore`, but searches only once for what `INFERNODE_ADDON` says, unless the search shall be fresh. */
export function knownCore(options: ProbeOptions = {}): Promise<FoundCore> {
  const asked = process.env.INFERNODE_ADDON;
  if (options.fresh || known === undefined || known.asked !== asked) known = { asked, search: findCore(options) };
  return known.search;
}

/** Opens the core add-ons there are in child processes, best first, and takes the first that works. */
export async function findCore(options: ProbeOptions = {}): Promise<FoundCore> {
  const attempts: Attempt[] = [];
  let invalid: InfernodeError | null = null;
  for (const folder of addonFolders()) {
    const what = `add-on (${folder.origin})`;
    const path = coreIn(folder);
    if (path === null) {
      if (isExpected(folder)) attempts.push({ what, path: folder.path, ok: false, ...missing(folder) });
      continue;
    }
    const result = await tryBinary(path, folder.origin, () => probeCore(path, options));
    attempts.push({ what, path, ...attemptOf(result, 'works') });
    if (result.ok) return { path, attempts, invalid };
    invalid = result.invalid ?? invalid;
  }
  return { path: null, attempts, invalid };
}

/** What came of a binary. */
export type Tried<Result> = Result | { readonly ok: false; readonly reason: string; readonly invalid?: InfernodeError };

/** Checks a binary by its bytes, then opens it in a child process. */
export async function tryBinary<Result extends ProbeResult<unknown>>(
  path: string,
  origin: string,
  probe: () => Promise<Result>,
): Promise<Tried<Result> & { invalid?: InfernodeError }> {
  try {
    checkAgainstManifest(path, origin === 'prebuilt');
  } catch (error) {
    if (!(error instanceof InfernodeError)) throw error;
    return { ok: false, reason: error.message, invalid: error };
  }
  const problem = elfProblem(path);
  return problem === null ? probe() : { ok: false, reason: problem };
}

/** The rest of an attempt. */
export function attemptOf(result: Tried<ProbeResult<unknown>>, good: string): Pick<Attempt, 'ok' | 'reason' | 'fix'> {
  if (result.ok) return { ok: true, reason: good };
  const fix = fixOf(result.reason);
  return { ok: false, reason: `does not work: ${result.reason}`, ...(fix === undefined ? {} : { fix }) };
}

/** Nothing is missing where nobody builds a core: `infernode build` makes torch backends, and a clone is built by its scripts. */
function isExpected({ origin, path }: AddonFolder): boolean {
  return path !== userBuilds() && (origin !== 'local build' || isClone());
}

function isClone(): boolean {
  return existsSync(join(packageRoot, 'scripts'));
}

function missing({ origin, path }: AddonFolder): Pick<Attempt, 'reason' | 'fix'> {
  if (origin === 'INFERNODE_ADDON') {
    const reason = existsSync(path) ? 'no infernode.node in it' : 'no such folder';
    return { reason, fix: 'correct INFERNODE_ADDON, or unset it' };
  }
  if (origin === 'local build') return { reason: 'not built', fix: 'npm run build' };
  const reason = `none for ${process.platform} ${process.arch}`;
  return {
    reason,
    fix: isClone() ? 'npm run prebuild' : 'build it in a clone, and set INFERNODE_ADDON to its build/Release',
  };
}
