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
