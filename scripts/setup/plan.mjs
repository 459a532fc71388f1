import { buildNative } from './build-native.mjs';
import { buildTs } from './build-ts.mjs';
import { deps } from './deps.mjs';
import { libtorch } from './libtorch.mjs';
import { runSteps } from './step.mjs';

const PLANS = {
  all: [deps, libtorch, buildNative, buildTs],
  deps: [deps],
  // Asked for by name, it is not optional.
  libtorch: [{ ...libtorch, without: null }],
  build: [deps, buildNative, buildTs],
};

/**
 * Makes a checkout usable: packages, libtorch, native add-on, dist.
 *
 * @param {string} [plan] `all`, or one part of it with what that part needs
 * @throws {RangeError} if there is no such plan
 */
export function setup(plan = 'all') {
  if (!Object.hasOwn(PLANS, plan)) {
    throw new RangeError(`unknown step '${plan}', expected one of ${Object.keys(PLANS).join(', ')}`);
  }
  return runSteps(PLANS[/** @type {keyof typeof PLANS} */ (plan)]);
}
