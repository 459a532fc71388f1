import { InfernodeError } from '../../errors.js';
import type { Float16Options } from './convert-float16.js';
import { OBSERVERS, type ObserverName } from './observer.js';
import type { StaticOptions } from './qdq-plan.js';
import type { DynamicOptions } from './quantize-dynamic.js';

/** What to convert an ONNX model to. */
export type OnnxRecipe =
  | ({ readonly precision: 'fp16' } & Float16Options)
  | ({ readonly precision: 'int8'; readonly mode: 'dynamic' } & DynamicOptions)
  | ({ readonly precision: 'int8'; readonly mode: 'static'; readonly observer?: ObserverName } & StaticOptions);

/** @throws InfernodeError INF_OPTION_INVALID unless the recipe is one of {@link OnnxRecipe} */
export function checkRecipe(recipe: OnnxRecipe): void {
  const { precision, mode, observer } = recipe as { precision: unknown; mode?: unknown; observer?: unknown };
  check('precision', ['fp16', 'int8'], precision);
  if (precision === 'fp16') return;
  check('mode', ['dynamic', 'static'], mode);
  if (observer !== undefined) check('observer', OBSERVERS, observer);
}

function check(name: string, expected: readonly string[], given: unknown): void {
  if (expected.includes(given as string)) return;
  const list = expected.join(', ');
  throw new InfernodeError('INF_OPTION_INVALID', `${name}: expected one of ${list}; given ${JSON.stringify(given)}`, {
    details: { name, expected: list, given: String(given) },
  });
}
