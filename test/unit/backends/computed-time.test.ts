import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Session } from '#src/backends/backend';
import { backendOf } from '#src/backends/registry';
import { Tensor } from '#src/tensor/tensor';
import { addOne, writeModel } from '../../support/onnx-builder.js';
import { fixture, needsTorch } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

const BLOCKED_MS = 200;
const ONE = { device: 'cpu', threads: 1 };

/** What the session says that a call has computed while the event loop was busy. */
async function computedWhileBusy(session: Session): Promise<number> {
  const times: number[] = [];
  const answer = session.run('forward', [new Tensor('float32', Float32Array.of(1))], undefined, (ms) => times.push(ms));
  await Promise.resolve();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BLOCKED_MS);
  await answer;
  assert.equal(times.length, 1);
  return times[0]!;
}

async function check(session: Session): Promise<void> {
  try {
    // Before and after its calls are known as quick ones.
    for (const calls of [1, 400]) {
      for (let call = 0; call < calls; call++)
        await session.run('forward', [new Tensor('float32', Float32Array.of(1))]);
      const computed = await computedWhileBusy(session);
      assert.ok(computed > 0 && computed < BLOCKED_MS / 2, `${computed} ms`);
    }
  } finally {
    await session.close();
  }
}

test('the onnx backend says what a call has computed, without the wait for the event loop', async (t) => {
  const path = await writeModel(join(await makeFolder(t, {}), 'model.onnx'), addOne([1]));
  await check(await backendOf('onnx').load(path, 'onnx', ONE));
});

test('the torch backend says what a call has computed, without the wait for the event loop', {
  skip: needsTorch,
}, async () => {
  await check(await backendOf('torch').load(fixture('tiny.pt'), 'torchscript', ONE));
});
