import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tensor } from 'infernode';
import { loadFixture, needsTorch } from '../../../support/torch.js';

const vector = (...values: number[]) => new Tensor('float32', Float32Array.from(values));

describe('state of a module', { skip: needsTorch }, () => {
  test('is kept from call to call, in order, and told', async () => {
    await using model = await loadFixture('counter');
    assert.equal(model.info.stateful, true);
    const totals = await Promise.all([1, 2, 3, 4].map((value) => model.run([vector(value, 1)])));
    assert.deepEqual(
      totals.map(({ output }) => output!.toArray()),
      [
        [1, 1],
        [3, 2],
        [6, 3],
        [10, 4],
      ],
    );
    assert.equal((await model.call('calls')).output!.item(), 4n);
    assert.deepEqual(model.runSync([vector(0, 0)]).output!.toArray(), [10, 4]);
    assert.deepEqual(await model.call('reset'), {});
    assert.equal((await model.call('calls')).output!.item(), 0n);
  });

  test('runSync does not overtake calls that wait', async () => {
    await using model = await loadFixture('counter');
    const waiting = [1, 2, 3].map((value) => model.run([vector(value, 0)]));
    assert.deepEqual(model.runSync([vector(10, 0)]).output!.toArray(), [16, 0]);
    await Promise.all(waiting);
  });

  test('belongs to one loaded instance', async () => {
    await using first = await loadFixture('counter');
    await using second = await loadFixture('counter');
    await first.run([vector(5, 5)]);
    assert.deepEqual((await second.run([vector(1, 1)])).output!.toArray(), [1, 1]);
  });

  test('cannot be changed through an output', async () => {
    await using model = await loadFixture('counter');
    const { output } = await model.run([vector(1, 1)]);
    (output!.data as Float32Array).fill(100);
    assert.deepEqual((await model.run([vector(1, 1)])).output!.toArray(), [2, 2]);
    await using weights = await loadFixture('returns-weight');
    ((await weights.run([])).output!.data as Float32Array).fill(9);
    assert.deepEqual((await weights.run([])).output!.toArray(), [0, 1, 2, 3]);
  });

  test('may hold an input of the past, whose memory the caller has reused', async () => {
    await using model = await loadFixture('keeps-input');
    const data = Float32Array.of(1, 2, 3);
    await model.run([new Tensor('float32', data)]);
    data.fill(-1);
    assert.deepEqual((await model.run([vector(0)])).output!.toArray(), [1, 2, 3]);
  });

  test('of the caller survives a model that works in place', async () => {
    await using model = await loadFixture('in-place');
    const input = vector(1, 2);
    assert.deepEqual((await model.run([input])).output!.toArray(), [4, 6]);
    assert.deepEqual(input.toArray(), [1, 2]);
    assert.deepEqual(model.runSync([input]).output!.toArray(), [4, 6]);
    assert.deepEqual(input.toArray(), [1, 2]);
  });

  test('is not mistaken: a scripted transformer layer keeps none', async () => {
    await using model = await loadFixture('encoder');
    assert.deepEqual([model.info.stateful, model.info.metadata.frozen], [false, 'yes']);
    const x = new Tensor(
      'float32',
      Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
      [1, 3, 8],
    );
    const [a, b] = [await model.run([x]), await model.run([x])];
    assert.deepEqual(a.output!.data, b.output!.data);
  });

  test('is not mistaken: scripted batch normalisation in evaluation mode keeps none', async () => {
    await using model = await loadFixture('norms');
    assert.equal(model.info.stateful, false);
    assert.equal(model.info.metadata.frozen, 'yes');
    assert.equal(model.info.ops['aten::batch_norm'], undefined, 'folded into the convolution');
  });
});
