import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type InputValue, Tensor } from 'infernode';
import { rejects } from '../../../support/expect-error.js';
import { loadFixture, needsTorch } from '../../../support/torch.js';

const vector = (...values: number[]) => new Tensor('float32', Float32Array.from(values));

describe('arguments of a TorchScript method', { skip: needsTorch }, () => {
  test('tensors and scalars by name, in any order', async () => {
    await using model = await loadFixture('many-inputs');
    const { output } = await model.run({ negate: true, offset: 1, x: vector(1, 2), scale: 2 });
    assert.deepEqual([...output!.data], [-3, -5]);
  });

  test('by position, the rest by default', async () => {
    await using model = await loadFixture('many-inputs');
    const { output } = await model.run([vector(1, 2), 0.5, 10n, false]);
    assert.deepEqual([...output!.data], [10.5, 11]);
  });

  test('optional tensors, strings and defaults in the middle', async () => {
    await using model = await loadFixture('many-inputs');
    const base = { x: vector(1, 2), scale: 1, offset: 0, negate: false };
    assert.deepEqual([...(await model.run({ ...base, bias: vector(5, 6), steps: 3 })).output!.data], [24, 32]);
    assert.deepEqual((await model.run({ ...base, mode: 'mean' })).output!.item(), 1.5);
    assert.deepEqual([...(await model.run({ ...base, bias: null, mode: undefined })).output!.data], [1, 2]);
  });

  test('64-bit integers arrive whole', async () => {
    await using model = await loadFixture('many-inputs');
    const x = new Tensor('int64', BigInt64Array.of(0n));
    for (const offset of [2n ** 62n, -(2n ** 62n), -1n, 2n ** 53n + 1n]) {
      const { output } = await model.run({ x, scale: 0, offset, negate: false });
      assert.equal(output!.item(), Number(offset)); // x * 0.0 makes the sum a float
    }
  });

  test('scalars as tensors of one element', async () => {
    await using model = await loadFixture('many-inputs');
    const scale = new Tensor('float64', Float64Array.of(3), []);
    const offset = new Tensor('int64', BigInt64Array.of(4n));
    const { output } = await model.run({ x: vector(1), scale, offset, negate: false });
    assert.deepEqual([...output!.data], [7]);
  });

  test('tuples, lists and dicts', async () => {
    await using model = await loadFixture('containers');
    const inputs: Record<string, InputValue> = {
      pair: [vector(10), vector(1)],
      items: [vector(2), vector(3)],
      table: { a: vector(4), b: vector(5) },
      sizes: [100, 200],
    };
    assert.deepEqual([...(await model.run(inputs)).output!.data], [323]);
    assert.deepEqual([...model.runSync(inputs).output!.data], [323]);
    const empty = { ...inputs, items: [], table: {}, sizes: [] };
    assert.deepEqual([...(await model.run(empty)).output!.data], [9]);
  });

  test('elements of containers by their path', async () => {
    await using model = await loadFixture('containers');
    const { output } = await model.run({
      'pair.0': vector(10),
      'pair.1': vector(1),
      'items.0': vector(2),
      'table.a': vector(4),
      sizes: [],
    });
    assert.deepEqual([...output!.data], [15]);
  });

  test('a call larger than the shared numbers', async () => {
    await using model = await loadFixture('containers');
    const items = Array.from({ length: 3000 }, () => vector(1));
    const { output } = await model.run({ pair: [vector(0), vector(0)], items, table: {}, sizes: [] });
    assert.deepEqual([...output!.data], [3000]);
  });

  test('the wrong kind names the input, what it is and what was given', async () => {
    await using model = await loadFixture('many-inputs');
    const good = { x: vector(1), scale: 1, offset: 0, negate: false };
    const wrong: [string, InputValue, RegExp][] = [
      ['x', 3, /"x" is Tensor; given: number 3/],
      ['scale', 'a', /"scale" is float; given: string a/],
      ['offset', 1.5, /"offset" is int; given: number 1.5/],
      ['offset', 2n ** 63n, /"offset" is int/],
      ['offset', 2 ** 60, /"offset" is int/],
      ['negate', 1, /"negate" is bool; given: number 1/],
      ['mode', true, /"mode" is str; given: boolean true/],
      ['bias', [vector(1)], /"bias" is Optional\[Tensor\]; given: an array of 1/],
      ['scale', vector(1, 2), /one element/],
    ];
    for (const [name, value, says] of wrong) {
      const code = says.source === 'one element' ? 'INF_TENSOR_SHAPE' : 'INF_INPUT_TYPE';
      await rejects(model.run({ ...good, [name]: value }), code, says);
    }
    assert.equal((await model.run(good)).output!.item(), 1);
  });

  test('tuples of the wrong length and kind', async () => {
    await using model = await loadFixture('containers');
    const good = { pair: [vector(1), vector(1)], items: [], table: {}, sizes: [] };
    await rejects(model.run({ ...good, pair: [vector(1)] }), 'INF_INPUT_MISSING', 'pair.1');
    await rejects(model.run({ ...good, pair: [vector(1), vector(1), vector(1)] }), 'INF_INPUT_TYPE', '3 elements');
    await rejects(model.run({ ...good, pair: vector(1) }), 'INF_INPUT_TYPE', 'pair');
    await rejects(model.run({ ...good, items: vector(1) }), 'INF_INPUT_TYPE', 'items');
    await rejects(model.run({ ...good, table: [vector(1)] }), 'INF_INPUT_TYPE', 'table');
    await rejects(model.run({ ...good, sizes: [1.5] }), 'INF_INPUT_TYPE', 'sizes.0');
    await rejects(model.run({ ...good, 'pair.2': vector(1) }), 'INF_INPUT_UNKNOWN', 'pair.2');
    await rejects(model.run({ ...good, 'pair.x': vector(1) }), 'INF_INPUT_UNKNOWN', 'pair.x');
  });

  test('the caller memory is used as it is, at any offset', async () => {
    await using model = await loadFixture('tiny');
    const all = Float32Array.from([9, 1, 2, 9]);
    const { output } = await model.run([new Tensor('float32', all.subarray(1, 3))]);
    assert.deepEqual([...output!.data], [3, 5]);
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared.set([3, 4]);
    assert.deepEqual([...(await model.run([new Tensor('float32', shared)])).output!.data], [7, 9]);
  });
});
