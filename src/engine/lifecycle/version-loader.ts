import { wrongOption } from '../../config/option-errors.js';
import { resolveVersion, type VersionSource } from '../../models/repository/model-source.js';
import type { FilledEngineOptions } from '../engine-options.js';
import { loadFound } from '../load.js';
import type { Model } from '../model.js';
import type { ModelObserver } from '../observer.js';
import type { ConcurrencyLimit } from './concurrency-limit.js';

/** Loads a version of the model of that name and makes it warm. */
export type LoadNamedVersion = (name: string, version: VersionSource, signal: AbortSignal) => Promise<Model>;

/** How versions are loaded: in turn, and with the engine's settings where the model has none of its own. */
export function versionLoader(
  { load, queue, observe }: FilledEngineOptions,
  limit: ConcurrencyLimit,
): LoadNamedVersion {
  return (name, version, signal) =>
    limit.run(signal, async () => {
      const find = resolveVersion.bind(null, version);
      const observer = observe?.(name, version.version);
      if (observe !== undefined) checkObserver(observer);
      const model = await loadFound(version.path, find, { ...load, signal }, queue);
      if (observer !== undefined) model.observe(observer);
      return model;
    });
}

function checkObserver(observer: ModelObserver | undefined): void {
  if (typeof observer?.onRequest === 'function' && typeof observer.onExecution === 'function') return;
  throw wrongOption('observe', 'a function that returns {onRequest, onExecution}', observer);
}
