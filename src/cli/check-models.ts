import { readdir, stat } from 'node:fs/promises';
import type { ModelFormat } from '../backends/backend.js';
import { InfernodeError, messageOf } from '../errors.js';
import { resolveModel } from '../models/locate.js';
import { Repository } from '../models/repository/repository.js';

/** Makes sure that there is a folder to look for models in. @throws InfernodeError INF_OPTION_INVALID */
export async function checkRepository(folder: string): Promise<void> {
  try {
    await readdir(folder);
  } catch (cause) {
    const message = `--models ${folder} is no folder that can be read: ${messageOf(cause)}`;
    throw new InfernodeError('INF_OPTION_INVALID', message, { cause, details: { name: 'models', given: folder } });
  }
}

/**
 * Makes sure that each name stands for one model.
 *
 * @param models paths by name, from the command line
 * @param folder of more models
 * @throws InfernodeError INF_OPTION_INVALID
 */
export async function checkNamesDiffer(models: Readonly<Record<string, string>>, folder: string): Promise<void> {
  const repository = new Repository(folder, {});
  for (const [name, path] of Object.entries(models)) {
    const source = await repository.find(name);
    if (source === null || !source.isModel) continue;
    const message = `--models ${folder} has a model "${name}" too, ${source.path}; give this one another name: NAME=${path}`;
    throw new InfernodeError('INF_OPTION_INVALID', message, { details: { name, given: path } });
  }
}

/**
 * Finds out what is wrong with models before anything is loaded: they are not there, or are none.
 *
 * @param models paths by name
 * @param formats those that the backend runs
 * @throws InfernodeError as `resolveModel` does, and INF_OPTION_INVALID for a folder of several models
 */
export async function checkNamedModels(
  models: Readonly<Record<string, string>>,
  formats: readonly ModelFormat[],
): Promise<void> {
  for (const [name, path] of Object.entries(models)) {
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isDirectory()) await checkFolder(name, path);
    else await resolveModel(path, { formats });
  }
}

async function checkFolder(name: string, folder: string): Promise<void> {
  const source = await new Repository(undefined, Object.fromEntries([[name, folder]])).find(name);
  if (source === null || source.problem === null) return;
  if (source.isEmpty) {
    const inside = await new Repository(folder, {}).scan();
    if (inside.some(({ problem }) => problem === null)) {
      const message = `${folder} is no model but a folder of models; did you mean --models ${folder}?`;
      throw new InfernodeError('INF_OPTION_INVALID', message, { details: { name, given: folder } });
    }
  }
  throw source.problem;
}
