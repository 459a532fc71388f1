import { freemem } from 'node:os';
import type { InputValue } from '../backends/backend.js';
import { isTensorLike } from '../backends/input-errors.js';
import type { SampleInputs } from '../conversion/build.js';
import { InfernodeError, messageOf } from '../errors.js';
import { joinRows } from '../tensor/rows.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Contestant } from './contestant.js';
import type { Scouted } from './protocol.js';

/** The inputs of one call, so many times over; null where they have no rows to repeat. */
export function repeated(inputs: SampleInputs, times: number): SampleInputs | null {
  const entries: [string, InputValue][] = [];
  for (const [name, value] of Object.entries(inputs)) {
    if (!isTensorLike(value)) {
      if (typeof value === 'object' && value !== null) return null;
      entries.push([name, value]);
      continue;
    }
    const rows = value.shape[0];
    if (rows === undefined) return null;
    entries.push([name, joinRows(new Array<Tensor>(times).fill(value as Tensor), rows * times)]);
  }
  return Object.fromEntries(entries);
}

/** Bytes of the tensors among the inputs of a call. */
function bytesOf(inputs: SampleInputs): number {
  const tensors = Object.values(inputs).filter(isTensorLike) as Tensor[];
  return tensors.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** All inputs go to a contestant in one message, and Node ends a process that gets one of a gigabyte. */
const MOST_BYTES = 900e6;

/** A batch size, and its inputs or why there are none. */
export interface BatchInputs {
  readonly batch: number;
  readonly inputs: SampleInputs | null;
  readonly reason: string | null;
}

/** The inputs of each batch size that the model takes, as the model itself shows. */
export async function batchInputs(
  sizes: readonly number[],
  one: SampleInputs,
  { rows }: Scouted,
  contestant: Contestant,
): Promise<BatchInputs[]> {
  const batches: BatchInputs[] = [];
  // They are kept here and by the contestants, and are copied on their way there; the models need memory as well.
  const bytes = bytesOf(one);
  let room = Math.min(MOST_BYTES, freemem() / 4);
  for (const batch of sizes) {
    const absent = (reason: string): BatchInputs => ({ batch, inputs: null, reason });
    if (batch === 1) batches.push({ batch, inputs: one, reason: null });
    else if (rows.isCertain && rows.most === 1) batches.push(absent(rows.reason));
    else if (rows.isCertain && batch > rows.most) batches.push(absent(`it takes ${rows.most} rows at most`));
    else if (batch * bytes > room) batches.push(absent('there is no room for its inputs'));
    else {
      const inputs = repeated(one, batch);
      const failure =
        inputs === null
          ? 'its inputs are not all tensors of several rows'
          : await contestant.outputs(inputs).then(() => null, messageOf);
      if (failure === null) room -= batch * bytes;
      batches.push(failure === null ? { batch, inputs, reason: null } : absent(failure));
    }
  }
  return batches;
}

/** @throws InfernodeError INF_INPUT_MISSING if none were given and none could be made up */
export function chooseInputs(given: SampleInputs | null, { madeUp, signature }: Scouted): SampleInputs {
  const inputs = given ?? madeUp;
  if (inputs !== null) return inputs;
  const taken = signature.inputs.map(({ name, type }) => `${name} (${type})`).join(', ');
  throw new InfernodeError(
    'INF_INPUT_MISSING',
    `No inputs could be made up that this model takes, which are ${taken}; give them: --input NAME=VALUE`,
    { details: { expected: taken, given: 'nothing' } },
  );
}
