import type { Engine } from '../../engine/engine.js';
import { InfernodeError } from '../../errors.js';
import { modelName } from '../http/model-path.js';
import { loadConfig } from '../protocol/load-config.js';
import { repositoryIndex } from '../protocol/repository-index.js';

/** `parameter_choice` names the field that holds the value. */
interface RepositoryParameter {
  readonly parameter_choice?: string;
  readonly [field: string]: unknown;
}

/** What requests about a repository have in common: which one they mean, which is none by name here. */
interface RepositoryRequest {
  readonly repository_name: string;
}

/** A RepositoryIndexRequest. */
export interface IndexRequest extends RepositoryRequest {
  readonly ready: boolean;
}

/** A RepositoryModelLoadRequest, or a RepositoryModelUnloadRequest. */
export interface LoadRequest extends RepositoryRequest {
  readonly model_name: string;
  readonly parameters?: Readonly<Record<string, RepositoryParameter>>;
}

/** A RepositoryIndexResponse. @throws InfernodeError INF_REQUEST_UNSUPPORTED */
export function indexModels(engine: Engine, { ready, ...request }: IndexRequest): object {
  checkRepository(request);
  return { models: repositoryIndex(engine, ready) };
}

/** Loads a model. @throws InfernodeError as `Engine.loadModel` does, and INF_REQUEST_INVALID, INF_REQUEST_UNSUPPORTED */
export async function loadModel(engine: Engine, request: LoadRequest): Promise<object> {
  checkRepository(request);
  const { model_name, parameters = {} } = request;
  const values = Object.entries(parameters).map(([name, value]) => [name, value[value.parameter_choice ?? '']]);
  const name = modelName(model_name);
  await engine.loadModel(name, loadConfig(name, Object.fromEntries(values)));
  return {};
}

/** Unloads a model. @throws InfernodeError as `Engine.unloadModel` does, and INF_REQUEST_INVALID, INF_REQUEST_UNSUPPORTED */
export async function unloadModel(engine: Engine, request: LoadRequest): Promise<object> {
  checkRepository(request);
  await engine.unloadModel(modelName(request.model_name));
  return {};
}

/** @throws InfernodeError INF_REQUEST_UNSUPPORTED for a repository by name: there is one, without a name */
function checkRepository({ repository_name }: RepositoryRequest): void {
  if (repository_name === '') return;
  const message = 'There is one repository here, which has no name; repository_name must be empty';
  throw new InfernodeError('INF_REQUEST_UNSUPPORTED', message, { details: { name: 'repository_name' } });
}
