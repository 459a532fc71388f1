import { didYouMean } from '../config/suggest.js';
import { InfernodeError } from '../errors.js';
import type { ModelInfo, Signature } from './backend.js';

/** The method that is called by default: `forward`, or the first one if there is none of that name. */
export function defaultMethod({ methods }: Pick<ModelInfo, 'methods'>): string {
  return Object.hasOwn(methods, 'forward') ? 'forward' : Object.keys(methods)[0]!;
}

/**
 * The method to call, and what it takes and gives.
 *
 * @param asked by default the one that `defaultMethod` names
 * @throws InfernodeError INF_METHOD_UNKNOWN
 */
export function methodOf(
  info: Pick<ModelInfo, 'methods'>,
  asked: string | undefined,
): { readonly method: string; readonly signature: Signature } {
  const { methods } = info;
  const method = asked ?? defaultMethod(info);
  if (!Object.hasOwn(methods, method)) throw unknownMethod(method, Object.keys(methods));
  return { method, signature: methods[method]! };
}

/** The error of a call of a method that the model has not. */
export function unknownMethod(name: string, known: readonly string[]): InfernodeError {
  const expected = known.join(', ');
  const message = `The model has no method "${name}"${didYouMean(name, known)}; it has ${expected}`;
  return new InfernodeError('INF_METHOD_UNKNOWN', message, { details: { name, expected, given: name } });
}
