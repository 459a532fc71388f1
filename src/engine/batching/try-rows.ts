import type { ModelInfo, Outputs, ValueInfo } from '../../backends/backend.js';
import { isQuantized } from '../../conversion/is-quantized.js';
import { messageOf } from '../../errors.js';
import type { Trial, WorkingInputs } from '../working-inputs.js';
import { haveRows, joinArguments, rowsOf } from './join-requests.js';
import type { Joinable } from './policy.js';
import { requestRows } from './request-rows.js';

/** How far an output of joined rows may be from that of single ones, relative to the largest. */
const TOLERANCE = 1e-3;
/** Rows of a tensor that are quantized together share a scale. */
const COARSE_TOLERANCE = 5e-2;

/**
 * Finds out whether rows of several requests can be joined: gives the model two made-up rows, each by itself and both together,
 * and compares the answers. That also warms the model up.
 *
 * @param inputs made-up ones that the model takes, null if there are none
 * @returns one row, and the reason, for a model that takes one, that mixes rows, or for which no inputs can be made up
 */
export async function tryRows(trial: Trial, inputs: WorkingInputs | null): Promise<Joinable> {
  const { session, signature } = trial;
  if (session.info.stateful) return one('its calls depend on the ones before', true);
  const fixed = signature.inputs.find(hasFixedRows);
  if (fixed !== undefined)
    return one(`its input ${fixed.name} has a first dimension of ${fixed.shape![0] ?? 'none'}`, true);
  if (inputs === null) return one('no inputs could be made up to find out whether it takes several rows', false);
  if (requestRows(trial.method, signature, inputs.first) === null)
    return one('its inputs are not all tensors of as many rows', true);
  return compare(trial, inputs);
}

async function compare(
  { session, method, signature, maker }: Trial,
  { attempt, first, outputs }: WorkingInputs,
): Promise<Joinable> {
  const second = maker.make(attempt, 1, 1)!;
  let joined: Outputs;
  let others: Outputs;
  try {
    others = await session.run(method, second);
    joined = await session.run(method, joinArguments([first, second], 2));
  } catch (error) {
    return one(`it does not take two rows: ${messageOf(error)}`, true);
  }
  if (!haveRows(outputs, 1) || !haveRows(joined, 2))
    return one('its outputs do not have a row for each row of the input', true);
  const tolerance = isCoarse(session.info) ? COARSE_TOLERANCE : TOLERANCE;
  const same =
    areClose(rowsOf(joined, { start: 0, rows: 1 }), outputs, tolerance) &&
    areClose(rowsOf(joined, { start: 1, rows: 1 }), others, tolerance);
  if (!same) return one('a row answers differently beside another one', true);
  const bounds = signature.inputs.map(({ maxShape }) => maxShape?.[0] ?? Number.POSITIVE_INFINITY);
  return { rows: Math.min(...bounds), reason: 'its rows do not depend on each other, as was tried', isCertain: true };
}

function one(reason: string, isCertain: boolean): Joinable {
  return { rows: 1, reason, isCertain };
}

function hasFixedRows({ kind, shape, optional }: ValueInfo): boolean {
  return kind === 'tensor' && !optional && shape !== null && (shape.length === 0 || typeof shape[0] === 'number');
}

function isCoarse(info: ModelInfo): boolean {
  const { dtypes, count } = info.parameters;
  return isQuantized(info) || (dtypes.float32 ?? 0) + (dtypes.float64 ?? 0) < count / 2;
}

/** Whether outputs agree: numbers within the tolerance of the largest, and texts exactly. */
function areClose(a: Outputs, b: Outputs, tolerance: number): boolean {
  return Object.entries(a).every(([name, tensor]) => {
    const other = b[name];
    if (other === undefined || other.size !== tensor.size) return false;
    if (tensor.dtype === 'string') return tensor.data.every((text, index) => text === other.data[index]);
    const [x, y] = [tensor.toNumbers(), other.toNumbers()];
    let largest = 0;
    let distance = 0;
    for (let index = 0; index < x.length; index++) {
      largest = Math.max(largest, Math.abs(y[index]!) || 0);
      if (Object.is(x[index], y[index])) continue;
      // A NaN on one side only makes it NaN, which is not close to anything.
      distance = Math.max(distance, Math.abs(x[index]! - y[index]!));
    }
    return distance <= tolerance * Math.max(largest, Number.MIN_VALUE);
  });
}
