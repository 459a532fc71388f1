import type { InputValue, Outputs } from '../backends/backend.js';
import type { Model } from '../engine/model.js';
import { InfernodeError } from '../errors.js';
import { stackTensors } from '../tensor/stack.js';
import { Tensor } from '../tensor/tensor.js';
import type { GivenInput } from './run-inputs.js';

/** The inputs of one call, and the files that went into its batch. */
export interface Call {
  readonly inputs: Readonly<Record<string, InputValue>>;
  /** One for each row, if several values were given for an input; else empty. */
  readonly files: readonly string[];
}

/** What a call gave. */
export interface Answer {
  readonly files: readonly string[];
  readonly outputs: Outputs;
  /** The median of the repeated runs, in milliseconds. */
  readonly latencyMs: number;
}

/**
 * Puts several values of an input into as few calls as the model allows: one if its batch is free or fits exactly, several
 * where it is bounded, else one for each. Values of different shapes get a call each.
 *
 * @throws InfernodeError INF_OPTION_INVALID if more than one input has several values
 */
export function planCalls(given: readonly GivenInput[]): Call[] {
  const several = given.filter(({ values }) => values.length > 1);
  const fixed = Object.fromEntries(
    given.filter(({ values }) => values.length === 1).map(({ name, values }) => [name, values[0]]),
  );
  const [batch, other] = several;
  if (batch === undefined) return [{ inputs: fixed, files: [] }];
  if (other !== undefined) {
    throw new InfernodeError(
      'INF_OPTION_INVALID',
      `Both ${batch.name} and ${other.name} were given several times; only one input can be`,
    );
  }
  const most = batchLimit(batch, given.length === 1);
  const calls: Call[] = [];
  for (let start = 0; start < batch.values.length; start += most) {
    const values = batch.values.slice(start, start + most);
    const value = values.length === 1 ? values[0]! : stackTensors(values as Tensor[]);
    calls.push({ inputs: { ...fixed, [batch.name]: value }, files: batch.sources.slice(start, start + most) });
  }
  return calls;
}

/** The most values in one call. */
function batchLimit({ values, info }: GivenInput, alone: boolean): number {
  const [first, ...rest] = values;
  // Other inputs belong to one value, not to a batch of them.
  if (!alone || !(first instanceof Tensor) || first.shape.length === 0) return 1;
  const alike = rest.every(
    (value) => value instanceof Tensor && value.dtype === first.dtype && String(value.shape) === String(first.shape),
  );
  const rows = first.shape[0]!;
  const dim = info.shape?.[0] ?? null;
  if (!alike || rows === 0) return 1;
  if (typeof dim === 'number') return dim === rows * values.length ? values.length : 1;
  return Math.max(1, Math.floor((info.maxShape?.[0] ?? Number.POSITIVE_INFINITY) / rows));
}

/** Runs a call `repeat` times. The outputs are those of the first run: a stateful model answers differently afterwards. */
export async function timedRun(model: Model, method: string, call: Call, repeat: number): Promise<Answer> {
  const times: number[] = [];
  let outputs: Outputs | undefined;
  for (let count = 0; count < repeat; count++) {
    const start = performance.now();
    const result = await model.run(call.inputs, { method });
    times.push(performance.now() - start);
    outputs ??= result;
  }
  return { files: call.files, outputs: outputs!, latencyMs: median(times) };
}

function median(times: number[]): number {
  const sorted = times.sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
