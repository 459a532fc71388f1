import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Inputs, Session } from '#src/backends/backend';
import { CostModel } from '#src/engine/batching/cost-model';
import { tryRows } from '#src/engine/batching/try-rows';
import { inputMaker } from '#src/engine/made-up-inputs';
import { findWorkingInputs } from '#src/engine/working-inputs';
import type { Tensor } from '#src/tensor/tensor';
import { DoublingSession } from './doubling-session.js';

test('what the trial took is known before the first request', async () => {
  const { info } = new DoublingSession({ parameters: { count: 0, bytes: 0, dtypes: {} }, ops: {}, metadata: {} });
  const run = async (_method: string, inputs: Inputs) => ({ y: (inputs as readonly Tensor[])[0]! });
  const session = { info, run } as unknown as Session;
  const signature = info.methods.forward!;
  const trial = { session, method: 'forward', signature, maker: inputMaker(signature, null) };
  const cost = new CostModel();
  const { rows } = await tryRows(trial, await findWorkingInputs(trial), cost);
  assert.ok(rows > 1);
  assert.ok(cost.estimate !== null, 'calls of one size only were measured');
  assert.ok(cost.expectMs(1)! >= 0);
});
