import type { InputValue, ModelInfo, Outputs, ValueInfo } from '../../backends/backend.js';
import { isQuantized } from '../../conversion/is-quantized.js';
import { messageOf } from '../../errors.js';
import { relativeDistance } from '../../tensor/distance.js';
import { Tensor } from '../../tensor/tensor.js';
import type { Trial, WorkingInputs } from '../working-inputs.js';
import type { CostModel } from './cost-model.js';
import { haveRows, joinArguments, rowsOf } from './join-requests.js';
import type { Joinable } from './policy.js';
import { requestRows } from './request-rows.js';

/** How far an output of joined rows may be from that of single ones, relative to the largest. */
const TOLERANCE = 1e-3;
/** Rows of a tensor that are quantized together share a scale. */
const COARSE_TOLERANCE = 5e-2;

/**
 * Finds out whether rows of several requests can be joined: gives the model made-up rows, each by itself and all together,
 * and compares the answers. That also warms the model up.
 *
 * @param inputs made-up ones that the model takes, null if there are none
 * @param cost is told what the calls took
 * @returns one row, and the reason, for a model that takes one, that mixes rows, or for which no inputs can be made up
 */
export async function tryRows(trial: Trial, inputs: WorkingInputs | null, cost: CostModel): Promise<Joinable> {
  const { session, signature } = trial;
  if (session.info.stateful) return one('its calls depend on the ones before', true);
  const fixed = signature.inputs.find(hasFixedRows);
  if (fixed !== undefined)
    return one(`its input "${fixed.name}" has a first dimension of ${fixed.shape![0] ?? 'none'}`, true);
  if (inputs === null) return one('no inputs could be made up to find out whether it takes several rows', false);
  if (requestRows(trial.method, signature, inputs.first) === null)
    return one('its inputs are not all tensors of as many rows', true);
  return compare(trial, inputs, cost);
}

/** Rows unlike each other: what a model does to a row may hang on the size, sign or order of those beside it. */
const SCALES = [1, 300, -1, 0.01, 20];

async function compare(trial: Trial, { attempt }: WorkingInputs, cost: CostModel): Promise<Joinable> {
  const { session, signature, maker } = trial;
  const rows = SCALES.map((scale, seed) => maker.make(attempt, seed)!.map((value) => scaled(value, scale)));
  const tolerance = isCoarse(session.info) ? COARSE_TOLERANCE : TOLERANCE;
  try {
    const alone = await runAll(trial, rows);
    if (!alone.outputs.every((outputs) => haveRows(outputs, 1))) return one(NO_ROWS, true);
    // In both directions, so that no order is the one that a model would make.
    const reversed = [...rows].reverse();
    const joined = await runAll(
      trial,
      [rows, reversed].map((order) => joinArguments(order, rows.length)),
    );
    if (!joined.outputs.every((outputs) => haveRows(outputs, rows.length))) return one(NO_ROWS, true);
    const [forth, back] = joined.outputs as [Outputs, Outputs];
    const isSame = (outputs: Outputs, index: number) =>
      areClose(rowsOf(forth, { start: index, rows: 1 }), outputs, tolerance) &&
      areClose(rowsOf(back, { start: rows.length - 1 - index, rows: 1 }), outputs, tolerance);
    if (!alone.outputs.every(isSame)) return one('a row answers differently beside others', true);
    cost.add(1, alone.shortestMs);
    cost.add(rows.length, joined.shortestMs);
  } catch (error) {
    return one(`it does not take several rows: ${messageOf(error)}`, true);
  }
  const bounds = signature.inputs.map(({ maxShape }) => maxShape?.[0] ?? Number.POSITIVE_INFINITY);
  return {
    rows: Math.min(...bounds),
    reason: 'its rows do not depend on each other, as far as was tried',
    isCertain: true,
  };
}

/** One call after another. The first ones take longer than those to come, so the shortest counts. */
async function runAll({ session, method }: Trial, calls: readonly (readonly InputValue[])[]) {
  const outputs: Outputs[] = [];
  let shortestMs = Number.POSITIVE_INFINITY;
  for (const args of calls) {
    const start = performance.now();
    let ownMs: number | undefined;
    const learn = (ms: number) => {
      ownMs = ms;
    };
    outputs.push(await session.run(method, args, undefined, learn));
    shortestMs = Math.min(shortestMs, ownMs ?? performance.now() - start);
  }
  return { outputs, shortestMs };
}

const NO_ROWS = 'its outputs do not have a row for each row of the input';

/** A row of floats of another size; whatever else stays as it is. */
function scaled(value: InputValue, scale: number): InputValue {
  if (!(value instanceof Tensor) || (value.dtype !== 'float32' && value.dtype !== 'float64')) return value;
  const { dtype, data, shape } = value as Tensor<'float32' | 'float64'>;
  return Tensor.trusted(dtype, data.map((element) => element * scale) as Float32Array, shape);
}

function one(reason: string, isCertain: boolean): Joinable {
  return { rows: 1, reason, isCertain };
}

function hasFixedRows({ kind, shape, optional }: ValueInfo): boolean {
  return kind === 'tensor' && !optional && shape !== null && (shape.length === 0 || typeof shape[0] === 'number');
}

function isCoarse(info: ModelInfo): boolean {
  const { dtypes, count } = info.parameters;
  if ('computes in' in info.metadata) return true;
  return isQuantized(info) || (dtypes.float32 ?? 0) + (dtypes.float64 ?? 0) < count / 2;
}

/** Whether outputs agree: numbers within the tolerance of the largest, and texts exactly. */
function areClose(a: Outputs, b: Outputs, tolerance: number): boolean {
  return Object.entries(a).every(([name, tensor]) => {
    const other = b[name];
    if (other === undefined || other.size !== tensor.size) return false;
    if (tensor.dtype === 'string') return tensor.data.every((text, index) => text === other.data[index]);
    // A NaN on one side only is not close to anything.
    return relativeDistance(tensor.toNumbers(), other.toNumbers()) <= tolerance;
  });
}
