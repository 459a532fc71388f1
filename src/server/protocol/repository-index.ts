import type { Engine, ModelState } from '../../engine/engine.js';
import { withoutPaths } from '../hide-paths.js';

/** One line of the repository's index. */
export interface IndexEntry {
  readonly name: string;
  /** Missing where no version is known. */
  readonly version?: string;
  readonly state: ModelState;
  readonly reason: string;
}

/** All models, loaded or not, or only those that are ready. */
export function repositoryIndex(engine: Engine, onlyReady: boolean): IndexEntry[] {
  return engine
    .models()
    .filter(({ state }) => !onlyReady || state === 'READY')
    .map(({ name, version, state, reason }) => ({
      name,
      ...(version !== null && { version: String(version) }),
      state,
      reason: withoutPaths(reason),
    }));
}
