import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Tensor } from 'infernode';
import { rejects, throws } from '../../../support/expect-error.js';
import { repository } from '../../../support/test-data.js';
import { fixture, loadFixture, needsTorch } from '../../../support/torch.js';

const x = new Tensor('float32', Float32Array.of(1, 2));
const matrix = new Tensor('float32', new Float32Array(256 * 256).fill(0.01), [256, 256]);

describe('a torch session', { skip: needsTorch }, () => {
  test('answers calls in flight together, each with its own result', async () => {
    await using model = await loadFixture('tiny');
    const calls = Array.from({ length: 500 }, (_, i) => model.run([new Tensor('float32', Float32Array.of(i))]));
    const answers = (await Promise.all(calls)).map(({ output }) => output!.item());
    assert.deepEqual(
      answers,
      Array.from({ length: 500 }, (_, i) => 2 * i + 1),
    );
  });

  test('gives the same answer with several threads', async () => {
    await using model = await loadFixture('slow', { threads: 2 });
    await using single = await loadFixture('slow', { threads: 1 });
    assert.equal(model.info.threads, 2);
    const [a, b] = [(await model.run([matrix, 2])).output!, (await single.run([matrix, 2])).output!];
    const worst = (a.data as Float32Array).reduce(
      (w, v, i) => Math.max(w, Math.abs(v - (b.data as Float32Array)[i]!)),
      0,
    );
    assert.ok(worst < 1e-5, `off by ${worst}`);
    assert.deepEqual(model.runSync([matrix, 2]).output!.data, a.data);
  });

  test('leaves the event loop free while it computes', async () => {
    await using model = await loadFixture('slow');
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const running = model.run([matrix, 200]);
    await running;
    clearInterval(timer);
    assert.ok(turns > 0, 'no timer fired during the call');
  });

  test('an aborted signal refuses the call', async () => {
    await using model = await loadFixture('tiny');
    const reason = new Error('enough');
    const error = await rejects(model.run([x], { signal: AbortSignal.abort(reason) }), 'INF_ABORTED');
    assert.equal(error.cause, reason);
    assert.equal(error.name, 'AbortError');
  });

  test('a waiting call is taken out of the queue; the running one ends unseen', async () => {
    await using model = await loadFixture('slow');
    const abort = new AbortController();
    const running = model.run([matrix, 100], { signal: abort.signal });
    const waiting = model.run([matrix, 1_000_000], { signal: abort.signal });
    await delay(5);
    abort.abort();
    await rejects(running, 'INF_ABORTED');
    await rejects(waiting, 'INF_ABORTED');
    // A million steps would take minutes: the next call is served, so they were not run.
    await model.run([matrix, 1]);
  });

  test('close waits for calls in flight, is idempotent, and ends the model', async () => {
    const model = await loadFixture('slow');
    const running = model.run([matrix, 20]);
    await Promise.all([model.close(), model.close()]);
    assert.equal((await running).output!.size, 256 * 256);
    await rejects(model.run([matrix, 1]), 'INF_MODEL_CLOSED');
    throws(() => model.runSync([matrix, 1]), 'INF_MODEL_CLOSED');
    await model.close();
  });

  test('an unknown method names the known ones', async () => {
    await using model = await loadFixture('counter');
    await rejects(model.call('resett'), 'INF_METHOD_UNKNOWN', 'resett', 'reset');
    await rejects(model.call('__getstate__'), 'INF_METHOD_UNKNOWN');
    await rejects(model.call('toString'), 'INF_METHOD_UNKNOWN');
  });

  test('a model that throws: its message, its traceback as cause, and the next call is served', async () => {
    await using model = await loadFixture('throws');
    const long = new Tensor('float32', new Float32Array(4));
    for (let i = 0; i < 3; i++) {
      const error = await rejects(model.run([long]), 'INF_MODEL_FAILED', 'more than three elements', 'x float32 [4]');
      assert.match((error.cause as Error).message, /Traceback of TorchScript.*RaiseException/s);
      throws(() => model.runSync([long]), 'INF_MODEL_FAILED', 'more than three elements');
      assert.deepEqual((await model.run([x])).output!.toArray(), [1, 2]);
    }
  });

  test('an allocation that fails is told as such and harms nobody', async () => {
    await using model = await loadFixture('grows');
    await rejects(model.run([1 << 20]), 'INF_OUT_OF_MEMORY');
    assert.equal((await model.run([1])).output!.size, 1);
  });

  test('that runs for long holds the end of the process up for ten seconds at most', () => {
    const source = `
      import { load } from ${JSON.stringify(join(repository, 'dist/index.js'))};
      const model = await load(${JSON.stringify(fixture('slow.pt'))});
      model.run([{ dtype: 'float32', data: new Float32Array(4), shape: [2, 2] }, 1_000_000_000]);
      setTimeout(() => process.exit(7), 200);`;
    const args = ['--input-type=module', '-e', source];
    const { status } = spawnSync(process.execPath, args, { timeout: 60_000 });
    assert.equal(status, 7);
  });
});
