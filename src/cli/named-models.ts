import { statSync } from 'node:fs';
import { parse, resolve } from 'node:path';
import { InfernodeError } from '../errors.js';

/**
 * Paths of models by name. Each is `NAME=PATH`, or a path whose file or folder gives the name.
 *
 * @throws InfernodeError INF_OPTION_INVALID where two have the same name
 */
export function namedModels(models: readonly string[]): Record<string, string> {
  const named = new Map<string, string>();
  for (const model of models) {
    const [, given, path = model] = /^([\w.-]+)=(.+)$/.exec(model) ?? [];
    const name = given ?? nameOf(path);
    if (named.has(name)) {
      throw new InfernodeError('INF_OPTION_INVALID', `Two models are named "${name}"; name them: NAME=${path}`, {
        details: { name, given: path },
      });
    }
    named.set(name, path);
  }
  return Object.fromEntries(named);
}

function nameOf(path: string): string {
  const { name, base } = parse(resolve(path));
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? base : name;
}
