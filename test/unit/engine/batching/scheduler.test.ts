import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Outputs } from '#src/backends/backend';
import type { BatchingConfig } from '#src/config/batching';
import { ByteBudget } from '#src/engine/batching/byte-budget';
import { ComputeShare } from '#src/engine/batching/compute-share';
import { CostModel } from '#src/engine/batching/cost-model';
import { settlePolicy } from '#src/engine/batching/policy';
import { Scheduler } from '#src/engine/batching/scheduler';
import type { InferRequest, InferResult } from '#src/engine/inference';
import type { ExecutionRecord, RequestRecord } from '#src/engine/observer';
import { InfernodeError } from '#src/errors';
import { rejects } from '../../../support/expect-error.js';
import { DoublingSession, rowsFrom, turn } from './doubling-session.js';

interface Bench {
  readonly session: DoublingSession;
  readonly scheduler: Scheduler;
  readonly requests: RequestRecord[];
  readonly executions: ExecutionRecord[];
  infer(request: InferRequest): Promise<InferResult>;
  readonly cost: CostModel;
}

function makeBench(
  batching: BatchingConfig,
  session = new DoublingSession(),
  share = new ComputeShare(8),
  budget?: ByteBudget,
): Bench {
  const policy = settlePolicy(
    batching,
    { rows: 64, reason: 'as was tried', isCertain: true },
    Number.POSITIVE_INFINITY,
  );
  const requests: RequestRecord[] = [];
  const executions: ExecutionRecord[] = [];
  const observer = {
    onRequest: (record: RequestRecord) => void requests.push(record),
    onExecution: (record: ExecutionRecord) => void executions.push(record),
  };
  const cost = new CostModel();
  // As if short calls had been seen.
  cost.add(1, 0.1);
  const scheduler = new Scheduler({
    session,
    policy,
    method: 'forward',
    share,
    observer,
    cost,
    budget,
  });
  const infer = async (request: InferRequest) =>
    scheduler.infer(request.method ?? 'forward', session.info.methods.forward!, request);
  return { session, scheduler, cost, requests, executions, infer };
}

/** A call that keeps the only instance busy, so that what comes next has to wait. */
async function occupy({ infer }: Bench): Promise<{ readonly first: Promise<InferResult> }> {
  const first = infer({ inputs: [rowsFrom(0)] });
  await turn();
  return { first };
}

const doubled = (outputs: Outputs) => Array.from(outputs.y!.data as Float32Array);
const expected = (first: number, rows = 1) => Array.from(rowsFrom(first, rows).data, (value) => 2 * value);

describe('joining', () => {
  test('requests made in one turn go together, and each gets its own rows', async () => {
    const bench = makeBench({ maxSize: 8 });
    const results = [1, 2, 3].map((first) => bench.infer({ inputs: [rowsFrom(first, first)] }));
    await bench.session.releaseNext();
    for (const [index, { outputs, timing }] of (await Promise.all(results)).entries()) {
      assert.deepEqual(doubled(outputs), expected(index + 1, index + 1));
      assert.deepEqual(outputs.y!.shape, [index + 1, 2]);
      assert.equal(timing.batchRows, 6);
    }
    assert.deepEqual(bench.session.sizes, [6]);
    assert.deepEqual(
      bench.executions.map(({ requests, rows, ok }) => ({ requests, rows, ok })),
      [{ requests: 3, rows: 6, ok: true }],
    );
  });

  test('a call never has more rows than maxSize, nor is a request torn apart for another', async () => {
    const bench = makeBench({ maxSize: 4 });
    const results = [2, 1, 3, 4, 1].map((rows) => bench.infer({ inputs: [rowsFrom(10 * rows, rows)] }));
    for (let call = 0; call < 4; call++) await bench.session.releaseNext();
    for (const [index, rows] of [2, 1, 3, 4, 1].entries())
      assert.deepEqual(doubled((await results[index]!).outputs), expected(10 * rows, rows));
    assert.deepEqual(bench.session.sizes, [3, 3, 4, 1]);
  });

  test('a request of more rows than maxSize runs in parts', async () => {
    const bench = makeBench({ maxSize: 4 });
    const result = bench.infer({ inputs: { x: rowsFrom(5, 10), scale: 1 } });
    for (let call = 0; call < 3; call++) await bench.session.releaseNext();
    const { outputs } = await result;
    assert.deepEqual(doubled(outputs), expected(5, 10));
    assert.deepEqual(outputs.sum!.shape, [10, 1]);
    assert.deepEqual(bench.session.sizes, [4, 4, 2]);
  });

  test('a request of more rows than the engine would join runs as it is, unless the model has a bound', async () => {
    const bench = makeBench({});
    const result = bench.infer({ inputs: [rowsFrom(5, 40)] });
    await bench.session.releaseNext();
    assert.deepEqual(doubled((await result).outputs), expected(5, 40));
    const large = bench.infer({ inputs: [rowsFrom(5, 70)] });
    for (let call = 0; call < 2; call++) await bench.session.releaseNext();
    assert.deepEqual(doubled((await large).outputs), expected(5, 70));
    assert.deepEqual(bench.session.sizes, [40, 64, 6]);
  });

  test('only requests with equal columns, scalars and method are joined', async () => {
    const bench = makeBench({ maxSize: 8 });
    const { first } = await occupy(bench);
    const all = [
      bench.infer({ inputs: [rowsFrom(1)] }),
      bench.infer({ inputs: [rowsFrom(1, 1, 3)] }),
      bench.infer({ inputs: [rowsFrom(2), 3] }),
      bench.infer({ inputs: [rowsFrom(3)], method: 'other' }),
      bench.infer({ inputs: [rowsFrom(4)] }),
    ];
    for (let call = 0; call < 5; call++) await bench.session.releaseNext();
    const answers = (await Promise.all(all)).map(({ outputs }) => doubled(outputs));
    assert.deepEqual(answers, [
      [2, 4],
      [2, 4, 6],
      [12, 18],
      [6, 8],
      [8, 10],
    ]);
    assert.deepEqual(bench.session.sizes, [1, 2, 1, 1, 1]);
    await first;
  });

  test('batches are filled up to the next size of padTo, and nobody sees the filling', async () => {
    const bench = makeBench({ maxSize: 8, padTo: [8, 4] });
    const results = [1, 2, 3].map((first) => bench.infer({ inputs: [rowsFrom(first)] }));
    await bench.session.releaseNext();
    const answers = (await Promise.all(results)).map(({ outputs }) => outputs);
    assert.deepEqual(
      answers.map(doubled),
      [1, 2, 3].map((first) => expected(first)),
    );
    assert.deepEqual(
      answers.map(({ sum }) => sum!.shape),
      [
        [1, 1],
        [1, 1],
        [1, 1],
      ],
    );
    assert.deepEqual(bench.session.sizes, [4]);
    assert.deepEqual([...bench.session.calls[0]!.data.slice(6)], [0, 0]);
  });

  test('with preferred sizes the largest of them goes, and the rest waits', async () => {
    const bench = makeBench({ maxSize: 8, preferredSizes: [2, 4], maxDelayMs: 60_000 });
    const results = [1, 2, 3, 4, 5].map((first) => bench.infer({ inputs: [rowsFrom(first)] }));
    await bench.session.releaseNext();
    await turn();
    assert.deepEqual(bench.session.sizes, [4]);
    assert.deepEqual(bench.scheduler.waiting, { requests: 1, rows: 1 });
    results.push(bench.infer({ inputs: [rowsFrom(6)] }));
    await bench.session.releaseNext();
    assert.deepEqual(bench.session.sizes, [4, 2]);
    await Promise.all(results);
  });

  test('without adaptive delay a batch waits for its time, and goes then', async () => {
    const bench = makeBench({ maxSize: 8, adaptive: false, maxDelayMs: 30 });
    const results = [bench.infer({ inputs: [rowsFrom(1)] })];
    await turn();
    assert.deepEqual(bench.session.sizes, []);
    results.push(bench.infer({ inputs: [rowsFrom(2)] }));
    await bench.session.releaseNext();
    await Promise.all(results);
    assert.deepEqual(bench.session.sizes, [2]);
    assert.equal(bench.executions[0]!.reason, 'delay');
  });
});

describe('faults', () => {
  test('a bad request does not fail those beside it', async () => {
    const bench = makeBench({ maxSize: 8 });
    const [good, bad, late] = [1, -1, 5].map((first) => bench.infer({ inputs: [rowsFrom(first)] }));
    const refused = assert.rejects(bad!, /row 0 is bad/);
    for (let call = 0; call < 4; call++) await bench.session.releaseNext();
    assert.deepEqual(doubled((await good!).outputs), expected(1));
    assert.deepEqual(doubled((await late!).outputs), expected(5));
    await refused;
    assert.deepEqual(bench.session.sizes, [3, 1, 1, 1]);
    assert.deepEqual(bench.requests.map(({ outcome }) => outcome).sort(), ['failed', 'success', 'success']);
  });

  test('wrong inputs are refused before they wait', async () => {
    const bench = makeBench({ maxSize: 8 });
    await rejects(bench.infer({ inputs: { z: rowsFrom(1) } }), 'INF_INPUT_UNKNOWN');
    await rejects(bench.infer({ inputs: [] }), 'INF_INPUT_MISSING');
    assert.deepEqual(
      bench.requests.map(({ outcome }) => outcome),
      ['invalid', 'invalid'],
    );
    assert.deepEqual(bench.session.sizes, []);
  });

  test('an output that is not there fails that request only', async () => {
    const bench = makeBench({ maxSize: 8 });
    const all = [['sum'], ['z'], ['y', 'y'], ['sum', 'y']].map((outputs) =>
      bench.infer({ inputs: [rowsFrom(1)], outputs }),
    );
    const refused = [rejects(all[1]!, 'INF_OUTPUT_UNKNOWN', '"z"'), rejects(all[2]!, 'INF_OUTPUT_UNKNOWN', 'twice')];
    await bench.session.releaseNext();
    assert.deepEqual(Object.keys((await all[0]!).outputs), ['sum']);
    assert.deepEqual(Object.keys((await all[3]!).outputs), ['sum', 'y']);
    await Promise.all(refused);
  });
});

describe('the queue', () => {
  test('refuses what it has no room for, at once', async () => {
    const bench = makeBench({ maxSize: 1, maxQueue: 2 });
    const { first } = await occupy(bench);
    const ahead = bench.infer({ inputs: [rowsFrom(1)] });
    await turn();
    const waiting = [2, 3].map((value) => bench.infer({ inputs: [rowsFrom(value)] }));
    await rejects(bench.infer({ inputs: [rowsFrom(4)] }), 'INF_QUEUE_FULL', '2 requests');
    assert.deepEqual(
      bench.requests.map(({ outcome }) => outcome),
      ['rejected'],
    );
    bench.session.holds = false;
    await bench.session.releaseNext();
    await bench.session.releaseNext();
    await Promise.all([first, ahead, ...waiting]);
  });

  test('refuses tensors that are too much together with those under way, and takes them afterwards', async () => {
    const budget = new ByteBudget(100);
    const bench = makeBench({ maxSize: 1 }, undefined, undefined, budget);
    const { first } = await occupy(bench);
    assert.equal(budget.used, 8);
    const large = () => bench.infer({ inputs: [rowsFrom(1, 1, 24)] });
    await rejects(large(), 'INF_QUEUE_FULL', '8 bytes', '96 more');
    bench.session.holds = false;
    await bench.session.releaseNext();
    await first;
    // Alone, even one beyond the limit is served.
    await Promise.all([
      bench.infer({ inputs: [rowsFrom(1, 1, 100)] }),
      rejects(large(), 'INF_QUEUE_FULL', '400 bytes'),
    ]);
    await large();
    assert.equal(budget.used, 0);
    assert.deepEqual(
      bench.requests.map(({ outcome }) => outcome),
      ['rejected', 'success', 'rejected', 'success', 'success'],
    );
  });

  test('lets nobody go ahead of his turn behind a long call', async () => {
    const bench = makeBench({ maxSize: 1 });
    for (let call = 0; call < 50; call++) bench.cost.add(1, 60_000);
    const { first } = await occupy(bench);
    const late = bench.infer({ inputs: [rowsFrom(1)], priority: 9 });
    const gone = new AbortController();
    const left = bench.infer({ inputs: [rowsFrom(2)], signal: gone.signal });
    await turn();
    const urgent = bench.infer({ inputs: [rowsFrom(3)], priority: 1 });
    gone.abort();
    await rejects(left, 'INF_ABORTED');
    bench.session.holds = false;
    await bench.session.releaseNext();
    await Promise.all([first, late, urgent]);
    assert.deepEqual(
      bench.session.calls.map(({ data }) => data[0]),
      [0, 3, 1],
    );
  });

  test('serves the urgent first, and equals in order', async () => {
    const bench = makeBench({ maxSize: 1 });
    const ended: number[] = [];
    const { first } = await occupy(bench);
    const ahead = bench.infer({ inputs: [rowsFrom(0)] });
    await turn();
    const all = [7, 5, 1, 5, 9, 1].map((priority, index) =>
      bench.infer({ inputs: [rowsFrom(index)], priority }).then(() => ended.push(index)),
    );
    await turn();
    for (let call = 0; call < 8; call++) await bench.session.releaseNext();
    await Promise.all([first, ahead, ...all]);
    assert.deepEqual(ended, [2, 5, 1, 3, 0, 4]);
  });

  test('drops a request whose time is over without running it', async () => {
    const bench = makeBench({ maxSize: 1 });
    const { first } = await occupy(bench);
    // Not sent ahead, for then it would count as begun.
    await rejects(bench.infer({ inputs: [rowsFrom(5)], timeoutMs: 5 }), 'INF_DEADLINE_EXCEEDED');
    const ahead = bench.infer({ inputs: [rowsFrom(0)] });
    await turn();
    const late = bench.infer({ inputs: [rowsFrom(1)], timeoutMs: 5 });
    await rejects(late, 'INF_DEADLINE_EXCEEDED');
    await rejects(bench.infer({ inputs: [rowsFrom(2)], timeoutMs: 0 }), 'INF_DEADLINE_EXCEEDED');
    for (let call = 0; call < 2; call++) await bench.session.releaseNext();
    await Promise.all([first, ahead]);
    assert.deepEqual(bench.session.sizes, [1, 1]);
    assert.deepEqual(
      bench.requests.map(({ outcome }) => outcome),
      ['expired', 'expired', 'expired', 'success', 'success'],
    );
  });

  test('a request that runs when its time is over is answered', async () => {
    const bench = makeBench({ maxSize: 1 });
    const result = bench.infer({ inputs: [rowsFrom(1)], timeoutMs: 5 });
    await setTimeout(20);
    await bench.session.releaseNext();
    assert.deepEqual(doubled((await result).outputs), expected(1));
  });

  test('drops a request that is cancelled; one that runs is answered to nobody', async () => {
    const bench = makeBench({ maxSize: 1 });
    const [running, waiting] = [new AbortController(), new AbortController()];
    const first = bench.infer({ inputs: [rowsFrom(0)], signal: running.signal });
    await turn();
    const ahead = bench.infer({ inputs: [rowsFrom(1)] });
    await turn();
    const second = bench.infer({ inputs: [rowsFrom(2)], signal: waiting.signal });
    waiting.abort();
    running.abort(new Error('gone'));
    const error = await rejects(first, 'INF_ABORTED');
    assert.equal((error.cause as Error).message, 'gone');
    await rejects(second, 'INF_ABORTED');
    await rejects(bench.infer({ inputs: [rowsFrom(3)], signal: waiting.signal }), 'INF_ABORTED');
    for (let call = 0; call < 2; call++) await bench.session.releaseNext();
    assert.deepEqual(doubled((await ahead).outputs), expected(1));
    assert.deepEqual(bench.session.sizes, [1, 1]);
  });

  test('answers in order where that is asked for, however the calls end', async () => {
    const bench = makeBench({ maxSize: 1, keepOrder: true }, new DoublingSession({ instances: 2 }));
    const ended: number[] = [];
    const all = [0, 1].map((index) => bench.infer({ inputs: [rowsFrom(index)] }).then(() => ended.push(index)));
    await turn();
    assert.equal(bench.session.held.length, 2);
    bench.session.held.pop()!.release();
    await turn();
    assert.deepEqual(ended, []);
    bench.session.held.pop()!.release();
    await Promise.all(all);
    assert.deepEqual(ended, [0, 1]);
  });

  test('drains: what waits is answered', async () => {
    const bench = makeBench({ maxSize: 1 });
    const all = [0, 1, 2].map((index) => bench.infer({ inputs: [rowsFrom(index)] }));
    let drained = false;
    const draining = bench.scheduler.drain().then(() => {
      drained = true;
    });
    for (let call = 0; call < 3; call++) {
      assert.equal(drained, false);
      await bench.session.releaseNext();
    }
    await Promise.all([...all, draining]);
  });
});

describe('instances', () => {
  test('as many calls run at once as there are instances, and one is sent ahead', async () => {
    const bench = makeBench({ maxSize: 1 }, new DoublingSession({ instances: 2 }));
    const all = [0, 1, 2, 3, 4].map((index) => bench.infer({ inputs: [rowsFrom(index)] }));
    await turn();
    assert.equal(bench.session.held.length, 3);
    bench.session.holds = false;
    for (let call = 0; call < 3; call++) await bench.session.releaseNext();
    await Promise.all(all);
  });

  test('the threads of all models together stay within the budget, and models take turns', async () => {
    const share = new ComputeShare(1);
    const benches = [1, 2].map(() => makeBench({ maxSize: 1 }, new DoublingSession(), share));
    const ended: number[] = [];
    const all = benches.flatMap((bench, model) =>
      [0, 1, 2].map((index) => bench.infer({ inputs: [rowsFrom(index)] }).then(() => ended.push(model))),
    );
    for (let call = 0; call < 6; call++) {
      await turn();
      const [running, ...others] = benches.filter(({ session }) => session.held.length > 0);
      assert.deepEqual(others, [], 'both models run');
      // Calls take time: the model that has used more of it waits for the other.
      await setTimeout(3);
      await running!.session.releaseNext();
      const lead = ended.reduce((sum, model) => sum + (model === 0 ? 1 : -1), 0);
      assert.ok(Math.abs(lead) <= 2, `one model is ${lead} calls ahead`);
    }
    await Promise.all(all);
  });
});

test('a call counts with what the model has computed, not with what the event loop was busy with', async () => {
  const session = new DoublingSession();
  session.computedMs = 3;
  const { infer, executions } = makeBench({}, session);
  const answer = infer({ inputs: [rowsFrom(0)] });
  await turn();
  await setTimeout(10);
  await session.releaseNext();
  assert.equal((await answer).timing.computeMs, 3);
  assert.deepEqual(
    executions.map(({ computeMs }) => computeMs),
    [3],
  );
});

test('a thousand requests of all kinds each get their own answer', async () => {
  const session = new DoublingSession();
  session.holds = false;
  const bench = makeBench({ maxSize: 7, padTo: [4, 7] }, session);
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const all = Array.from({ length: 1000 }, async (_, index) => {
    const [rows, columns] = [1 + random(9), 1 + random(3)];
    const isBad = random(50) === 0;
    for (let wait = random(4); wait > 0; wait--) await turn();
    const x = rowsFrom(isBad ? -1 - index : index, rows, columns);
    const result = bench.infer({ inputs: [x], priority: 1 + random(9) });
    if (isBad) return assert.rejects(result, /is bad/);
    const { outputs } = await result;
    assert.deepEqual(
      doubled(outputs),
      Array.from(x.data, (value) => 2 * value),
    );
    assert.deepEqual(outputs.y!.shape, x.shape);
  });
  await Promise.all(all);
  assert.ok(Math.max(...session.sizes) <= 7);
  assert.ok(
    bench.executions.some(({ requests }) => requests > 2),
    'nothing was joined',
  );
});

test('a device that is lost fails a batch as a whole: no request of it runs again', async () => {
  class LostSession extends DoublingSession {
    override async run(...call: Parameters<DoublingSession['run']>): Promise<Outputs> {
      await super.run(...call);
      throw new InfernodeError('INF_DEVICE_FAILED', 'cuda:0 failed');
    }
  }
  const bench = makeBench({ maxSize: 8 }, new LostSession());
  bench.session.holds = false;
  const results = await Promise.allSettled([1, 2, 3].map((first) => bench.infer({ inputs: [rowsFrom(first)] })));
  for (const { status } of results) assert.equal(status, 'rejected');
  assert.deepEqual(bench.session.sizes, [3]);
});
