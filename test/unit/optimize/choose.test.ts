import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { chooseBest, slowdown } from '#src/optimize/choose';
import type { CandidateResult } from '#src/optimize/optimize-report';
import type { TrialSetup, Tried } from '#src/optimize/trial';
import { rejects } from '../../support/expect-error.js';
import { fixture } from '../../support/torch.js';
import { noiseTensor } from '../conversion/onnx/models.js';

const setup = { libtorch: undefined, signal: undefined } as TrialSetup;

interface Figures {
  readonly latency?: number;
  readonly busy?: number;
  readonly throughput?: number;
  readonly memory?: number;
}

function tried(name: string, figures: Figures, rest: Partial<CandidateResult> = {}): Tried {
  const { latency = 10, busy = latency, throughput = 100, memory = 1000 } = figures;
  const measurement = {
    latencyMs: latency,
    p90Ms: latency,
    busyLatencyMs: busy,
    throughput,
    memoryBytes: memory,
  };
  const precision = /int8|bf16/.exec(name)?.[0] ?? 'fp32';
  const result = { name, backend: 'onnx', precision, threads: 1, verdict: 'right', reason: '', measurement, ...rest };
  const build = { name, backend: 'onnx', source: fixture('tiny.onnx'), format: 'onnx', precision };
  return { built: { build, file: build.source, fileBytes: 1 }, result } as Tried;
}

const byValue = (a: number, b: number) => a - b;

const choose = async (candidates: Tried[], objective: 'latency' | 'throughput' | 'memory' = 'latency') =>
  chooseBest(candidates, objective, setup);

describe('the best candidate', () => {
  const candidates = [
    tried('fast', { latency: 1, throughput: 200, memory: 3000 }),
    tried('wide', { latency: 5, throughput: 900, memory: 2000 }),
    tried('small', { latency: 9, throughput: 100, memory: 1000 }),
  ];

  test('is told by the objective', async () => {
    for (const [objective, name] of [
      ['latency', 'fast'],
      ['throughput', 'wide'],
      ['memory', 'small'],
    ] as const) {
      const { result, chosen, reason } = await choose(candidates, objective);
      assert.equal(result.name, name);
      assert.equal(result.verdict, 'right');
      assert.deepEqual([chosen.name, chosen.verdict, chosen.reason], [name, 'chosen', reason]);
      assert.match(reason, new RegExp(`the best ${objective} of 3 candidates`));
    }
  });

  test('is never one that is not right', async () => {
    const wrong = (['inaccurate', 'failed', 'skipped'] as const).map((verdict) =>
      tried(`torch ${verdict}`, { latency: 0.1 }, { verdict, reason: 'why' }),
    );
    assert.equal((await choose([...wrong, ...candidates])).result.name, 'fast');
  });

  test('stays usable beside a busy thread, if there is such a one', async () => {
    const starved = tried('starved', { latency: 0.5, busy: 20 });
    const { result, reason } = await choose([starved, ...candidates]);
    assert.equal(result.name, 'fast');
    assert.match(reason, /1 of them slow down too much beside a busy thread/);
    assert.equal((await choose([starved])).result.name, 'starved');
    assert.equal(slowdown(starved.result), 40);
  });

  test('may slow down much, if it is then still no slower than the others', async () => {
    const steady = tried('steady', { latency: 6, busy: 10 });
    const quick = tried('quick', { latency: 2, busy: 7 });
    assert.equal((await choose([steady, quick])).result.name, 'quick');
  });

  test('says what was too inaccurate', async () => {
    const rest = { verdict: 'inaccurate', reason: 'cosine 0.9 is below 0.99' } as const;
    const { reason } = await choose([...candidates, tried('int8 static', { latency: 1 }, rest)]);
    assert.match(reason, /not int8 static: cosine 0\.9 is below 0\.99/);
  });

  test('does not exist where none is right; then every reason is told', async () => {
    const rest = (reason: string) => ({ verdict: 'failed', reason }) as const;
    const failed = [tried('a', {}, rest('crashed')), tried('b', {}, rest('no memory'))];
    await rejects(choose(failed), 'INF_CONVERSION_FAILED', 'a: crashed', 'b: no memory');
    await rejects(choose([]), 'INF_CONVERSION_FAILED');
  });
});

test('candidates that are near each other are measured once more', { timeout: 60_000 }, async () => {
  const near = [tried('a', { latency: 1 }), tried('b', { latency: 1.1 }), tried('c', { latency: 2 })];
  const { result, playOff } = await chooseBest(near, 'latency', { ...setup, one: { x: noiseTensor([4]) } });
  assert.notEqual(result.name, 'c');
  assert.deepEqual(
    playOff.map(({ name }) => name),
    ['a', 'b'],
  );
  for (const { roundsMs, busyRoundsMs, latencyMs, busyLatencyMs } of playOff) {
    assert.deepEqual([roundsMs.length, busyRoundsMs.length], [5, 5]);
    assert.deepEqual([[...roundsMs].sort(byValue)[2], [...busyRoundsMs].sort(byValue)[2]], [latencyMs, busyLatencyMs]);
  }
  const names = playOff.map(({ name }) => name);
  assert.ok(names.includes(result.name));
});

test('one that crashes in the last comparison has lost', { timeout: 60_000 }, async () => {
  const gone = tried('gone', { latency: 1 });
  const broken = { ...gone, built: { ...gone.built, file: '/no/such/model.onnx' } } as Tried;
  const { result, playOff } = await chooseBest([broken, tried('b', { latency: 1.1 })], 'latency', {
    ...setup,
    one: { x: noiseTensor([4]) },
  });
  assert.equal(result.name, 'b');
  assert.deepEqual([playOff[0]!.latencyMs, playOff[0]!.roundsMs], [null, []]);
});

test('nothing is measured once more when tuning was given up', async () => {
  const near = [tried('a', { latency: 1 }), tried('b', { latency: 1.1 })];
  const signal = AbortSignal.abort(new Error('no longer needed'));
  await assert.rejects(chooseBest(near, 'latency', { ...setup, signal }), /no longer needed/);
});
