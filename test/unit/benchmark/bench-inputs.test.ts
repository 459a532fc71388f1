import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchInputs, chooseInputs, repeated } from '#src/benchmark/bench-inputs';
import type { Contestant } from '#src/benchmark/contestant';
import type { Scouted } from '#src/benchmark/protocol';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

const x = new Tensor('int64', BigInt64Array.of(1n, 2n), [1, 2]);

test('inputs are repeated row by row, numbers stay', () => {
  const { x: joined, sr } = repeated({ x, sr: 16000 }, 3)! as { x: Tensor; sr: number };
  assert.deepEqual(joined.toArray(), [
    [1n, 2n],
    [1n, 2n],
    [1n, 2n],
  ]);
  assert.equal(sr, 16000);
});

test('what has no rows is not repeated', () => {
  assert.equal(repeated({ x, state: [x] }, 2), null);
  assert.equal(repeated({ x: new Tensor('float32', Float32Array.of(1), []) }, 2), null);
});

test('a batch for whose inputs there is no room is absent', async () => {
  const scouted = { rows: { isCertain: false } } as unknown as Scouted;
  const contestant = { outputs: async () => ({}) } as unknown as Contestant;
  const [one, two, huge] = await batchInputs([1, 2, 2 ** 40], { x }, scouted, contestant);
  assert.equal(one!.reason ?? two!.reason, null);
  assert.deepEqual((two!.inputs!.x as Tensor).shape, [2, 2]);
  assert.match(huge!.reason!, /no room/);
});

test('given inputs come before made-up ones, and without either there is an error', () => {
  const signature = { inputs: [{ name: 'ids', type: 'int64 [1, n]' }] };
  const scouted = (madeUp: Scouted['madeUp']) => ({ madeUp, signature }) as unknown as Scouted;
  assert.deepEqual(chooseInputs({ a: 1 }, scouted({ a: 2 })), { a: 1 });
  assert.deepEqual(chooseInputs(null, scouted({ a: 2 })), { a: 2 });
  throws(
    () => chooseInputs(null, scouted(null)),
    'INF_INPUT_MISSING',
    'ids (int64 [1, n]); give them: --input NAME=VALUE',
  );
});
