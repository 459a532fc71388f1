import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Inputs, ModelInfo, Session, Signature } from '#src/backends/backend';
import { Model } from '#src/engine/model';
import { makeQueue } from '#src/engine/model-queue';
import { rejects, throws } from '../../support/expect-error.js';

const signature: Signature = { inputs: [], outputs: [] };

/** A session that writes down what it is asked for. */
function recording(...methods: string[]): { session: Session; log: unknown[][] } {
  const log: unknown[][] = [];
  const session: Session = {
    info: { methods: Object.fromEntries(methods.map((name) => [name, signature])) } as unknown as ModelInfo,
    async run(method: string, inputs: Inputs, signal?: AbortSignal) {
      log.push(['run', method, inputs, signal]);
      return {};
    },
    runSync(method: string, inputs: Inputs) {
      log.push(['runSync', method, inputs]);
      return {};
    },
    async close() {
      log.push(['close']);
    },
  };
  return { session, log };
}

async function modelOf(session: Session): Promise<Model> {
  const method = Object.keys(session.info.methods)[0]!;
  const queue = await makeQueue(session, method, null, { batching: null, defaults: {}, warmup: 0, queue: 1 });
  return new Model('folder', 'folder/1/model.pt', { backend: 'torch', reason: '' }, null, session, queue);
}

describe('a model', () => {
  test('calls forward by default, another method where it is named', async () => {
    const { session, log } = recording('reset', 'forward');
    const model = await modelOf(session);
    const { signal } = new AbortController();
    await model.run([1], { signal });
    await model.run([2], { method: 'reset' });
    model.runSync([3]);
    await model.call('reset', 4, 5);
    assert.deepEqual(log, [
      ['run', 'forward', [1], signal],
      ['run', 'reset', [2], undefined],
      ['runSync', 'forward', [3]],
      ['run', 'reset', [4, 5], undefined],
    ]);
  });

  test('without forward calls its first method', async () => {
    const { session, log } = recording('embed', 'reset');
    const model = await modelOf(session);
    await model.run([]);
    assert.equal(log[0]![1], 'embed');
    assert.equal(model.signature, signature);
  });

  test('refuses options that it does not know, and gives no call on', async () => {
    const { session, log } = recording('forward');
    const model = await modelOf(session);
    await rejects(model.run([], { sginal: 1 } as never), 'INF_OPTION_INVALID', 'did you mean "signal"');
    await rejects(model.run([], null as never), 'INF_OPTION_INVALID', 'an object');
    await rejects(model.run([], { signal: 5 } as never), 'INF_OPTION_INVALID', 'AbortSignal');
    throws(() => model.runSync([], { methd: 'x' } as never), 'INF_OPTION_INVALID', 'did you mean "method"');
    await rejects(model.call(5 as never), 'INF_METHOD_UNKNOWN');
    throws(() => model.inferMany(5 as never), 'INF_OPTION_INVALID', 'iterable');
    throws(() => model.inferMany([], { concurrency: 0 }), 'INF_OPTION_INVALID', 'concurrency');
    assert.deepEqual(log, []);
  });

  test('is closed at the end of a block', async () => {
    const { session, log } = recording('forward');
    {
      await using model = await modelOf(session);
      assert.equal(model.info, session.info);
    }
    assert.deepEqual(log, [['close']]);
  });
});
