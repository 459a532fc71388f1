import { existsSync, statSync } from 'node:fs';
import { parse, resolve } from 'node:path';
import { InfernodeError } from '../errors.js';
import { nameProblem, quoteName } from '../models/repository/model-name.js';

/**
 * Paths of models by name. Each is `NAME=PATH`, or a path whose file or folder gives the name.
 *
 * @throws InfernodeError INF_OPTION_INVALID where two have the same name, or what is given as a name can be none
 */
export function namedModels(models: readonly string[]): Record<string, string> {
  const named = new Map<string, string>();
  for (const model of models) {
    const [name, path] = splitName(model);
    if (named.has(name)) {
      throw new InfernodeError('INF_OPTION_INVALID', `Two models are named "${name}"; name them: NAME=${path}`, {
        details: { name, given: path },
      });
    }
    named.set(name, path);
  }
  return Object.fromEntries(named);
}

function splitName(model: string): [name: string, path: string] {
  const [, given, path] = /^([\w.-]+)=(.+)$/.exec(model) ?? [];
  if (given !== undefined) return [given, path!];
  const [, name, rest] = existsSync(model) ? [] : (/^([^=]+)=(.+)$/.exec(model) ?? []);
  if (name === undefined) return [nameOf(model), model];
  const problem = nameProblem(name);
  if (problem === undefined) return [name, rest!];
  throw new InfernodeError('INF_OPTION_INVALID', `The name ${quoteName(name)} of a model (NAME=PATH) ${problem}`, {
    details: { name, given: model },
  });
}

function nameOf(path: string): string {
  const { name, base } = parse(resolve(path));
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? base : name;
}
