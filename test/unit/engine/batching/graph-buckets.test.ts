import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GraphState, Inputs, Outputs } from '#src/backends/backend';
import { graphBuckets, recordedBuckets } from '#src/engine/batching/graph-buckets';
import { makeQueue, type QueueOptions } from '#src/engine/model-queue';
import { Tensor } from '#src/tensor/tensor';
import { DoublingSession } from './doubling-session.js';

const stateOf = (...executors: string[][]): GraphState => ({
  executors: executors.map((recorded) => ({ recorded, failures: [] })),
  replays: 0,
  computed: 0,
  evicted: 0,
});

test('buckets are powers of two, and the largest batch', () => {
  assert.deepEqual(graphBuckets(1), [1]);
  assert.deepEqual(graphBuckets(2), [1, 2]);
  assert.deepEqual(graphBuckets(32), [1, 2, 4, 8, 16, 32]);
  assert.deepEqual(graphBuckets(24), [1, 2, 4, 8, 16, 24]);
  assert.equal(graphBuckets(Number.POSITIVE_INFINITY).at(-1), 256);
});

test('a batch is filled up to what some executor has recorded of the first method', () => {
  const state = stateOf(['0(float32[8,3,224,224])', '0(float32[1,3,224,224])'], ['0(tuple(int64[4],bool[4],),3)']);
  assert.deepEqual(recordedBuckets([1, 2, 4, 8], state), [1, 4, 8]);
  assert.deepEqual(recordedBuckets([1, 2, 4], stateOf([])), []);
  assert.deepEqual(recordedBuckets([1, 2], stateOf(['1(float32[2,8])', '0(3)', '0(float32[])'])), []);
});

const INFO = {
  device: 'cuda:0',
  stateful: false,
  metadata: {},
  ops: {},
  parameters: { count: 1, bytes: 4, dtypes: { float32: 1 } },
};

/** Answers what it is given, and records a call of up to `limit` rows after three that it computes. */
class RecordingSession extends DoublingSession {
  readonly #runs = new Map<number, number>();

  constructor(private readonly limit: number) {
    super(INFO);
  }

  override async run(_method: string, inputs: Inputs): Promise<Outputs> {
    const [x] = inputs as readonly [Tensor];
    const rows = x.shape[0]!;
    this.#runs.set(rows, (this.#runs.get(rows) ?? 0) + 1);
    return { y: new Tensor('float32', Float32Array.from(x.toNumbers()), x.shape) };
  }

  graphs(): GraphState {
    const warm = [...this.#runs].filter(([rows, runs]) => runs > 3 && rows <= this.limit);
    return stateOf(warm.map(([rows]) => `0(float32[${rows},4])`));
  }

  get rowsSeen(): number[] {
    return [...this.#runs.keys()];
  }
}

describe('the queue of a model with CUDA graphs', () => {
  const options: QueueOptions = { batching: { maxSize: 8 }, defaults: {}, warmup: 1, queue: 16 };
  const queueOf = (session: DoublingSession, changes: Partial<QueueOptions> = {}) =>
    makeQueue(session, 'forward', null, { ...options, ...changes });

  test('is warmed up until each bucket is recorded, and fills batches up to them', async () => {
    const { policy } = await queueOf(new RecordingSession(64));
    assert.deepEqual(policy.padTo, [1, 2, 4, 8]);
  });

  test('does not fill up to what cannot be recorded', async () => {
    const { policy } = await queueOf(new RecordingSession(2));
    assert.deepEqual(policy.padTo, [1, 2]);
    const none = await queueOf(new RecordingSession(0));
    assert.deepEqual(none.policy.padTo, []);
  });

  test('does as the configuration says where it says so', async () => {
    const session = new RecordingSession(64);
    const { policy } = await queueOf(session, { batching: { maxSize: 8, padTo: [3, 8] } });
    assert.deepEqual(policy.padTo, [3, 8]);
    const recorded = session.graphs().executors[0]!.recorded;
    assert.ok(recorded.includes('0(float32[3,4])') && recorded.includes('0(float32[8,4])'), recorded.join());
  });

  test('records nothing without a warm-up, and nothing for a model that joins no requests but single calls', async () => {
    const cold = new RecordingSession(64);
    const { policy } = await queueOf(cold, { warmup: 0 });
    assert.deepEqual(
      policy.padTo.filter((rows) => rows !== 1),
      [],
    );
    const alone = new RecordingSession(64);
    await queueOf(alone, { batching: null });
    assert.deepEqual(alone.rowsSeen, [1]);
    assert.equal(alone.graphs().executors[0]!.recorded.length, 1);
  });
});
