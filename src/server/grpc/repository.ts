import { type ModelConfig, parseModelConfig } from '../../config/model-config.js';
import type { Engine } from '../../engine/engine.js';
import { InfernodeError, messageOf } from '../../errors.js';

interface RepositoryParameter {
  readonly parameter_choice?: string;
  readonly string_param?: string;
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
  let config: ModelConfig | undefined;
  for (const [name, value] of Object.entries(parameters)) {
    if (name.startsWith('file:')) {
      throw new InfernodeError(
        'INF_REQUEST_UNSUPPORTED',
        'Models are loaded from the repository, not from the request',
      );
    }
    if (name !== 'config' || value.parameter_choice !== 'string_param') {
      const given = JSON.stringify(name.slice(0, 100));
      throw new InfernodeError('INF_REQUEST_INVALID', `Loading takes one parameter, the text "config", not ${given}`);
    }
    config = configOf(value.string_param!);
  }
  await engine.loadModel(model_name, config);
  return {};
}

/** @throws InfernodeError INF_REQUEST_INVALID, INF_MODEL_CONFIG */
function configOf(text: string): ModelConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InfernodeError('INF_REQUEST_INVALID', `Parameter config is not JSON: ${messageOf(cause)}`, { cause });
  }
  const { processing, ...rest } = parseModelConfig(json, 'parameter config');
  if (processing === undefined) return rest;
  const { labels, ...other } = processing;
  if (labels === undefined) return { ...rest, processing: other };
  // Else anyone who may load a model could read the server's files.
  if (typeof labels === 'string') {
    throw new InfernodeError('INF_REQUEST_INVALID', 'Parameter config: labels are a list here, not the name of a file');
  }
  return { ...rest, processing: { ...other, labels } };
}
