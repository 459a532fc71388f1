import type { Engine } from '../../engine/engine.js';
import { modelName } from '../http/model-path.js';
import { loadConfig } from '../protocol/load-config.js';

/** `parameter_choice` names the field that holds the value. */
interface RepositoryParameter {
  readonly parameter_choice?: string;
  readonly [field: string]: unknown;
}

/** A RepositoryModelLoadRequest. */
export interface LoadRequest {
  readonly model_name: string;
  readonly parameters?: Readonly<Record<string, RepositoryParameter>>;
}

/** A RepositoryIndexResponse: all models, or only those that are ready. */
export function repositoryIndex(engine: Engine, { ready }: { readonly ready: boolean }): object {
  const entries = engine.models().filter(({ state }) => !ready || state === 'READY');
  return {
    models: entries.map(({ name, version, state, reason }) => ({
      name,
      version: version === null ? '' : String(version),
      state,
      reason,
    })),
  };
}

/** Loads a model. @throws InfernodeError as `Engine.loadModel` does, and INF_REQUEST_INVALID, INF_REQUEST_UNSUPPORTED */
export async function loadModel(engine: Engine, { model_name, parameters = {} }: LoadRequest): Promise<object> {
  const values = Object.entries(parameters).map(([name, value]) => [name, value[value.parameter_choice ?? '']]);
  const name = modelName(model_name);
  await engine.loadModel(name, loadConfig(name, Object.fromEntries(values)));
  return {};
}

/** Unloads a model. @throws InfernodeError as `Engine.unloadModel` does, and INF_REQUEST_INVALID */
export async function unloadModel(engine: Engine, name: string): Promise<object> {
  await engine.unloadModel(modelName(name));
  return {};
}
