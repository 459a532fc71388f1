import type { Signature } from '../backends/backend.js';
import { defaultMethod, unknownMethod } from '../backends/methods.js';
import type { Model } from './model.js';

/**
 * The method to call, and what it takes.
 *
 * @param asked by default `forward`, or the first one if there is no `forward`
 * @throws InfernodeError INF_METHOD_UNKNOWN
 */
export function methodOf({ info }: Model, asked?: string): { readonly method: string; readonly signature: Signature } {
  const { methods } = info;
  const method = asked ?? defaultMethod(info);
  if (Object.hasOwn(methods, method)) return { method, signature: methods[method]! };
  throw unknownMethod(method, Object.keys(methods));
}
