import { messageOf } from '../../errors.js';
import type { BackendHandle } from '../native/addon.js';
import { fixOf } from '../native/fixes.js';
import { librariesOf } from './find-libtorch.js';
import type { Search, Working } from './find-working.js';
import { NativeCalls } from './native-calls.js';

/** What a session talks to. */
export interface Opened {
  readonly calls: NativeCalls;
  readonly handle: BackendHandle;
}

/** The search that was gone by, and what it led to; null where nothing opens. */
export interface Opening {
  readonly search: Search;
  readonly opened: Opened | null;
}

/**
 * Opens in this process what a search found to work. That may have been another process, long ago, and a library of the
 * system may have gone since: then the search is made again, without what was remembered.
 */
export async function openWorking(search: Search, searchAgain: () => Promise<Search>): Promise<Opening> {
  const { working } = search;
  if (working === null) return { search, opened: null };
  try {
    return { search, opened: open(working) };
  } catch (error) {
    const again = await searchAgain();
    if (again.working === null) return { search: again, opened: null };
    // Parts of the first libtorch stay in the process, and two versions do not go together.
    if (again.working.place.lib !== working.place.lib) return { search: failed(again, working, error), opened: null };
    try {
      return { search: again, opened: open(again.working) };
    } catch (second) {
      return { search: failed(again, again.working, second), opened: null };
    }
  }
}

function open(working: Working): Opened {
  const calls = nativeCalls(working.core);
  return { calls, handle: calls.addon.openBackend(working.torch, librariesOf(working.place.lib)) };
}

let shared: NativeCalls | undefined;

/** One per thread: an add-on can be initialized once in an environment. */
function nativeCalls(core: string): NativeCalls {
  shared ??= new NativeCalls(core);
  return shared;
}

function failed(search: Search, { place }: Working, error: unknown): Search {
  const fix = fixOf(messageOf(error));
  const told = {
    ok: false,
    reason: `does not open in this process: ${messageOf(error)}`,
    fix: fix ?? 'start it again',
  };
  const attempt = { what: `libtorch (${place.source})`, path: place.lib, ...told };
  return {
    working: null,
    attempts: [...search.attempts, attempt],
    reason: `libtorch in ${place.lib} ${told.reason}; ${told.fix}`,
    invalid: null,
  };
}
