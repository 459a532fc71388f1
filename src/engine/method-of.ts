import type { Signature } from '../backends/backend.js';
import { didYouMean } from '../config/suggest.js';
import { InfernodeError } from '../errors.js';
import type { Model } from './model.js';

/** The method of a model that was asked for, or without one `forward`, or the first. @throws InfernodeError INF_METHOD_UNKNOWN */
export function methodOf(model: Model, asked: string | undefined): { method: string; signature: Signature } {
  const { methods } = model.info;
  const names = Object.keys(methods);
  const method = asked ?? (names.includes('forward') ? 'forward' : names[0]!);
  if (names.includes(method)) return { method, signature: methods[method]! };
  throw new InfernodeError(
    'INF_METHOD_UNKNOWN',
    `The model has no method "${method}"${didYouMean(method, names)}; it has ${names.join(', ')}`,
    { details: { name: method, expected: names.join(', '), given: method } },
  );
}
