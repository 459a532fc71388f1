import type { ModelConfig } from '../config/model-config.js';
import { resolveVersion } from '../models/repository-source.js';
import type { FilledEngineOptions } from './engine-options.js';
import type { ConcurrencyLimit } from './lifecycle-limit.js';
import type { LoadVersion } from './lifecycle-version.js';
import { loadFound } from './load.js';

/** How versions are loaded: in turn, and with the engine's settings where the model has none of its own. */
export function versionLoader(options: FilledEngineOptions, limit: ConcurrencyLimit): LoadVersion {
  return (version, signal) =>
    limit.run(signal, () =>
      loadFound(
        version.path,
        async (formats) => {
          const { candidates, config } = await resolveVersion(version, formats);
          return { candidates, config: withDefaults(config, options) };
        },
        { ...options.load, signal },
      ),
    );
}

function withDefaults(config: ModelConfig | null, { batching }: FilledEngineOptions): ModelConfig | null {
  return batching === undefined ? config : { ...config, batching: { ...batching, ...config?.batching } };
}
