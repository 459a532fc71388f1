import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load } from 'infernode';
import { areLarge, copyInTurns } from '#src/backends/onnx/copy-in-turns';
import { Tensor } from '#src/tensor/tensor';
import { rejects } from '../../../support/expect-error.js';
import { fixture } from '../../../support/torch.js';

const LENGTH = 3 * 2 ** 20;
const numbers = () => Float32Array.from({ length: LENGTH }, (_, i) => i);

describe('large tensors', () => {
  test('are copied whole, from a view as well, while the event loop turns', async () => {
    const around = new Float32Array(LENGTH + 2);
    around.set(numbers(), 1);
    const view = new Tensor('float32', around.subarray(1, LENGTH + 1), [3, 2 ** 20]);
    let turns = 0;
    const count = () => {
      turns++;
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const [copy] = await copyInTurns([view]);
    clearImmediate(timer);
    assert.deepEqual(copy, new Tensor('float32', numbers(), [3, 2 ** 20]));
    assert.notEqual(copy!.data.buffer, around.buffer);
    assert.ok(turns >= 2, `${turns} turns`);
  });

  test('that are strings or shared are left where they are', async () => {
    const shared = new Tensor('uint8', new Uint8Array(new SharedArrayBuffer(8 * 2 ** 20)));
    const text = new Tensor('string', ['a']);
    assert.equal(areLarge([shared, text]), false);
    assert.deepEqual(await copyInTurns([shared, text]), [shared, text]);
    assert.equal(areLarge([new Tensor('uint8', new Uint8Array(5 * 2 ** 20))]), true);
  });

  test('that are transferred meanwhile are told', async () => {
    const tensor = new Tensor('float32', numbers());
    const copying = copyInTurns([tensor]);
    structuredClone(tensor.data.buffer, { transfer: [tensor.data.buffer as ArrayBuffer] });
    await rejects(copying, 'INF_TENSOR_DETACHED');
  });

  test('in calls: right, left to their owner, abortable, and waited for by close', async () => {
    const model = await load(fixture('tiny.onnx'));
    const x = new Tensor('float32', numbers());
    const { signal } = new AbortController();
    const calls = Array.from({ length: 3 }, () => model.run([x], { signal }));
    const aborted = new AbortController();
    const given = model.run([x], { signal: aborted.signal });
    aborted.abort();
    const closed = model.close();
    await rejects(given, 'INF_ABORTED');
    for (const { output } of await Promise.all(calls)) assert.equal(output!.data[LENGTH - 1], 2 * (LENGTH - 1) + 1);
    await closed;
    assert.equal(x.data.length, LENGTH);
  });
});
