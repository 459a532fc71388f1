import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import bindings from 'bindings';
import { packageRoot } from '../../config/package-root.js';
import { messageOf } from '../../errors.js';
import type { Attempt } from '../backend.js';

/** The native files of one build. */
export interface AddonFiles {
  readonly core: string;
  /** The torch backend that was built with it, null if libtorch was not at hand then. */
  readonly torch: string | null;
}

/**
 * Finds the native add-on: INFERNODE_ADDON names a folder, else the local build is taken. This is the one place that knows
 * where native files lie.
 */
export function findAddon(): { files: AddonFiles | null; attempts: Attempt[] } {
  const attempts: Attempt[] = [];
  const named = process.env.INFERNODE_ADDON;
  const core = named ? inFolder(named, attempts) : localBuild(attempts);
  if (core === null) return { files: null, attempts };
  const torch = join(dirname(core), 'infernode_torch.so');
  return { files: { core, torch: existsSync(torch) ? torch : null }, attempts };
}

function inFolder(folder: string, attempts: Attempt[]): string | null {
  const path = join(folder, 'infernode.node');
  const ok = existsSync(path);
  attempts.push({ what: 'add-on (INFERNODE_ADDON)', path, ok, reason: ok ? 'found' : 'no such file' });
  return ok ? path : null;
}

function localBuild(attempts: Attempt[]): string | null {
  try {
    const options = { bindings: 'infernode', module_root: packageRoot, path: true };
    const path = bindings(options) as unknown as string;
    attempts.push({ what: 'add-on (local build)', path, ok: true, reason: 'found' });
    return path;
  } catch (error) {
    const reason = existsSync(join(packageRoot, 'scripts'))
      ? `not built: run "npm run build" in ${packageRoot}, which needs g++ and cmake`
      : 'not in this package: build it in a clone, and set INFERNODE_ADDON to its folder build/Release';
    attempts.push({ what: 'add-on (local build)', path: null, ok: false, reason: firstLine(messageOf(error), reason) });
    return null;
  }
}

/** `bindings` lists twenty paths when it finds nothing; any other failure of it is worth its text. */
function firstLine(message: string, otherwise: string): string {
  return message.startsWith('Could not locate') ? otherwise : message.split('\n')[0]!;
}
