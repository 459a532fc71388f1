import type { ModelFormat } from '../../backends/backend.js';
import type { ModelConfig, VersionSelection } from '../../config/model-config.js';
import { InfernodeError } from '../../errors.js';
import { confine } from '../confine.js';
import { acceptFiles, type ModelCandidate } from '../locate.js';
import { MODEL_NAMES } from '../model-folder.js';
import { readLabelled, type SourceConfig } from '../source-config.js';

/** One version of a model, as it was found on disk. */
export interface VersionSource {
  readonly version: number;
  /** The version folder, the model folder, or the model file. */
  readonly path: string;
  /** The files that hold the model, each in a format of its own. */
  readonly files: readonly string[];
  readonly config: SourceConfig | null;
  /** The folder that nothing may lead out of, null if the user named the path himself. */
  readonly root: string | null;
  /** Changes when a file of this version, its settings or its labels change. */
  readonly stamp: string;
}

/** A model as it was found on disk. */
export interface ModelSource {
  readonly name: string;
  readonly path: string;
  /** In ascending order; none if there is a problem. */
  readonly versions: readonly VersionSource[];
  /** Which of them are to serve. */
  readonly selection: VersionSelection;
  /** Why nothing of it can be loaded. */
  readonly problem: InfernodeError | null;
  /** Whether the problem is that there is nothing to load, nor anything broken. */
  readonly isEmpty: boolean;
  /** False for a folder that has nothing of a model but its place in the repository. */
  readonly isModel: boolean;
}

/** The numbers of the versions that are to serve, in ascending order; those of a list need not exist. */
export function selectVersions(versions: readonly number[], selection: VersionSelection): readonly number[] {
  if (selection === 'all') return versions;
  if (selection === 'latest') return versions.slice(-1);
  return 'latest' in selection ? versions.slice(-selection.latest) : selection;
}

/**
 * The files to load a version from, and its settings with their labels.
 *
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_FORMAT, INF_MODEL_INVALID, INF_MODEL_CONFIG, INF_MODEL_UNSAFE
 */
export async function resolveVersion(
  { version, path, files, root, config }: VersionSource,
  formats: readonly ModelFormat[],
): Promise<{ candidates: readonly ModelCandidate[]; config: ModelConfig | null }> {
  if (files.length === 0) {
    const message = `Version ${version} at ${path} holds none of ${MODEL_NAMES.join(', ')}`;
    throw new InfernodeError('INF_MODEL_NOT_FOUND', message, { details: { path } });
  }
  for (const file of files) await confine(file, root);
  return {
    candidates: await acceptFiles(files, formats, path),
    config: config === null ? null : await readLabelled(config, root),
  };
}
