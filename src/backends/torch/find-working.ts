import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { InfernodeError } from '../../errors.js';
import type { Attempt } from '../backend.js';
import type { BackendDescription } from '../native/addon.js';
import type { TorchLibrary } from '../native/addon-folders.js';
import { elfProblem } from '../native/elf-file.js';
import { attemptOf, knownCore, tryBinary } from '../native/find-core.js';
import { fixOf } from '../native/fixes.js';
import { probeNative } from '../native/probe.js';
import type { ProbeOptions } from '../native/probe-cache.js';
import { findLibtorch, type LibtorchPlace, librariesOf } from './find-libtorch.js';
import { fittingLibraries, torchLibraries, versionsOf } from './torch-libraries.js';

/** Core, torch backend and libtorch that work together, as a child process found. */
export interface Working {
  readonly core: string;
  readonly torch: string;
  readonly place: LibtorchPlace & { readonly lib: string };
  readonly description: BackendDescription;
}

/** What the search for them came to. */
export interface Search {
  readonly working: Working | null;
  readonly attempts: readonly Attempt[];
  /** Why nothing works, and what to do; empty where something does. */
  readonly reason: string;
  /** The refusal of a file whose content was wrong, where that is why nothing works. */
  readonly invalid: InfernodeError | null;
}

const BUILD = 'run "npx infernode build"';

/** Tries the torch backends with each libtorch that is found, and takes the first pair that works. */
export async function findWorking(option: string | undefined, options: ProbeOptions = {}): Promise<Search> {
  const core = await knownCore(options);
  const attempts = [...core.attempts];
  if (core.path === null) return none(attempts, core.attempts, core.invalid);
  const libraries = torchLibraries();
  const torch: Attempt[] = [];
  let invalid: InfernodeError | null = null;
  for await (const place of findLibtorch(option)) {
    for await (const { attempt, working, refused } of tryPlace(core.path, libraries, place, options)) {
      torch.push(attempt);
      invalid = refused ?? invalid;
      if (working !== undefined) return { working, attempts: [...attempts, ...torch], reason: '', invalid: null };
    }
  }
  return none([...attempts, ...torch], torch, invalid);
}

interface Step {
  readonly attempt: Attempt;
  readonly working?: Working;
  readonly refused?: InfernodeError | undefined;
}

async function* tryPlace(
  core: string,
  libraries: TorchLibrary[],
  place: LibtorchPlace,
  options: ProbeOptions,
): AsyncGenerator<Step> {
  const what = `libtorch (${place.source})`;
  const { lib } = place;
  const fail = (reason: string, fix?: string): Step => ({
    attempt: { what, path: lib ?? place.path, ok: false, reason, ...(fix === undefined ? {} : { fix }) },
  });
  if (lib === null) return yield fail(place.reason, place.fix);
  const problem = librariesOf(lib).map(elfProblem).find(Boolean);
  if (problem) return yield fail(`${place.reason} does not work: ${problem}`, fixOf(problem));
  const fitting = fittingLibraries(libraries, place);
  if (fitting.length === 0) return yield fail(`${place.reason} does not work: ${lacking(libraries)}`, BUILD);
  for (const library of fitting) {
    const result = await tryBinary(library.path, library.origin, () =>
      probeNative(core, library.path, librariesOf(lib), options),
    );
    const { ok, reason, fix } = attemptOf(
      result.ok ? result : { ...result, reason: explained(result.reason, lib) },
      '',
    );
    const attempt: Attempt = {
      what: `${what} with the torch backend (${library.origin})`,
      path: lib,
      ok,
      reason: ok ? `${place.reason}, ${library.path}` : `${place.reason} ${reason}`,
      ...(fix === undefined ? {} : { fix }),
    };
    if (result.ok) {
      yield {
        attempt,
        working: { core, torch: library.path, place: { ...place, lib }, description: result.description },
      };
    } else {
      yield { attempt, refused: result.invalid };
    }
  }
}

/** What crashed while it was read. Looked for only then, for nobody needs all the libraries of a libtorch. */
function explained(reason: string, lib: string): string {
  if (!/crashed with SIG(BUS|SEGV)/.test(reason)) return reason;
  const problem = readdirSync(lib)
    .map((name) => elfProblem(join(lib, name)))
    .find((text) => text?.includes('is cut short'));
  return problem ? `${reason}: ${problem}` : reason;
}

function lacking(libraries: readonly TorchLibrary[]): string {
  const versions = versionsOf(libraries);
  return versions ? `the torch backends here are for libtorch ${versions}` : 'there is no torch backend here';
}

/** The file that is there and does not work decides; else the libtorch that was named and is not there; else what to do. */
function none(attempts: readonly Attempt[], decisive: readonly Attempt[], invalid: InfernodeError | null): Search {
  const broken = decisive.find(({ reason }) => reason.includes('does not work'));
  const chosen = broken ?? (decisive.length === 1 ? decisive[0] : undefined) ?? decisive.find(({ fix }) => fix);
  const where = chosen === undefined ? '' : subjectOf(chosen, broken === undefined);
  const reason =
    chosen === undefined
      ? 'no libtorch found: set INFERNODE_LIBTORCH to its folder (docs/INSTALL.md says where to get one)'
      : `${where}${chosen.reason}${chosen.fix === undefined ? '' : `; ${chosen.fix}`}`;
  return { working: null, attempts, reason, invalid: broken === undefined ? null : invalid };
}

/** What a reason is about, unless it says so itself. */
function subjectOf({ what, path, reason }: Attempt, isMissing: boolean): string {
  if (isMissing) return `${path} (${what}): `;
  return reason.startsWith('does not work') ? `the ${what} ` : '';
}
