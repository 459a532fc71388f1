import type { Model } from '../model.js';

/** Where a version of a model stands. */
export type ModelState = 'LOADING' | 'READY' | 'UNLOADING' | 'UNAVAILABLE';

/** One line of the repository's index. */
export interface ModelEntry {
  readonly name: string;
  /** Null where no version is known. */
  readonly version: number | null;
  /** READY as long as it answers, even while its successor is being loaded. */
  readonly state: ModelState;
  /** Why it is not ready. For a ready one empty, or why it was not replaced by what is in the repository now. */
  readonly reason: string;
}

/** A model that serves. */
export interface ServedModel {
  readonly name: string;
  readonly version: number;
  /** All versions that serve, in ascending order. */
  readonly versions: readonly number[];
  readonly model: Model;
}
