import { dirname, join } from 'node:path';
import type { ModelConfig, RawConfig } from '../config/model-config.js';
import { type ModelSource, resolveVersion } from '../models/repository-source.js';
import type { FilledEngineOptions } from './engine-options.js';
import type { ConcurrencyLimit } from './lifecycle-limit.js';
import type { LoadVersion } from './lifecycle-version.js';
import { loadFound } from './load.js';

/**
 * How the versions of a model are loaded: in turn with those of others, and with the engine's settings where the model has
 * none of its own.
 *
 * @param override instead of the model's own settings
 */
export function versionLoader(
  model: ModelSource,
  override: RawConfig | undefined,
  options: FilledEngineOptions,
  limit: ConcurrencyLimit,
): LoadVersion {
  return (version, signal) =>
    limit.run(signal, () =>
      loadFound(
        version.path,
        async (formats) => {
          const isFile = version.files.includes(model.path);
          // What paths in it are relative to is what they would be relative to in the model's own.
          const file = join(isFile ? dirname(model.path) : model.path, 'model.json');
          const found = await resolveVersion(version, formats, override && { raw: override, file });
          return { ...found, config: withDefaults(found.config, options) };
        },
        { ...options.load, signal },
      ),
    );
}

function withDefaults(config: ModelConfig | null, { batching }: FilledEngineOptions): ModelConfig | null {
  return batching === undefined ? config : { ...config, batching: { ...batching, ...config?.batching } };
}
