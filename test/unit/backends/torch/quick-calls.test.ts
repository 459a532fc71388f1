import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { Tensor } from 'infernode';
import { loadFixture, needsTorch } from '../../../support/torch.js';

const pair = new Tensor('float32', Float32Array.of(1, 2));
const square = new Tensor('float32', new Float32Array(64 * 64).fill(0.01), [64, 64]);

/** How often executors have begun to run on a core. */
function turnsOfExecutors(): number {
  const turns = readdirSync('/proc/self/task').map((id) => {
    const isExecutor = readFileSync(`/proc/self/task/${id}/comm`, 'latin1').trim() === 'inf-executor';
    return isExecutor ? Number(readFileSync(`/proc/self/task/${id}/schedstat`, 'latin1').split(' ')[2]) : 0;
  });
  return turns.reduce((sum, each) => sum + each, 0);
}

describe('calls that take less time than another thread to be woken', { skip: needsTorch }, () => {
  test('stay on the thread of the caller', async () => {
    await using model = await loadFixture('counter', { threads: 1 });
    for (let call = 0; call < 50; call++) await model.run([pair]);
    await setTimeout(10);
    const before = turnsOfExecutors();
    for (let call = 0; call < 200; call++) {
      await model.run([pair]);
      await setTimeout(1);
    }
    const turns = turnsOfExecutors() - before;
    assert.ok(turns < 100, `${turns} turns of executors for 200 calls`);
  });

  test('are answered in order, alone and with others in flight', async () => {
    await using model = await loadFixture('counter', { threads: 1 });
    let expected = 0;
    for (let round = 0; round < 100; round++) {
      const calls = Array.from({ length: 1 + (round % 3) }, () => model.run([pair]));
      for (const { output } of await Promise.all(calls))
        assert.deepEqual(output!.toArray(), [++expected, 2 * expected]);
      if (round % 10 === 0) assert.deepEqual(model.runSync([pair]).output!.toArray(), [++expected, 2 * expected]);
    }
  });

  test('let the event loop turn', async () => {
    await using model = await loadFixture('counter', { threads: 1 });
    // Only then do calls stay on this thread; before, it turns many times while it waits for another.
    for (let call = 0; call < 50; call++) await model.run([pair]);
    let turns = 0;
    let done = false;
    const turn = () => {
      turns++;
      if (!done) setImmediate(turn);
    };
    setImmediate(turn);
    for (let call = 0; call < 200; call++) await model.run([pair]);
    done = true;
    assert.ok(turns >= 200, `${turns} turns for 200 calls`);
  });

  test('are told from longer ones by their arguments', async () => {
    await using model = await loadFixture('slow', { threads: 1 });
    for (let call = 0; call < 50; call++) await model.run({ x: square, steps: 0 });
    let turns = 0;
    const long = model.run({ x: square, steps: 2000 });
    const settled = long.then(() => true);
    while (!(await Promise.race([settled, new Promise((resolve) => setImmediate(resolve, false))]))) turns++;
    assert.ok(turns > 0, 'the event loop waited for a long call');
  });

  test('that fail do so as others', async () => {
    await using model = await loadFixture('counter', { threads: 1 });
    for (let call = 0; call < 50; call++) await model.run([pair]);
    await assert.rejects(model.run([new Tensor('float32', Float32Array.of(1, 2, 3))]), { code: 'INF_INPUT_SHAPE' });
    assert.equal((await model.run([pair])).output!.toNumbers()[0], 51);
    const aborted = new AbortController();
    const call = model.run([pair], { signal: aborted.signal });
    aborted.abort();
    await assert.rejects(call, { code: 'INF_ABORTED' });
  });
});
