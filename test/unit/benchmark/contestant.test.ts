import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Contestants } from '#src/benchmark/contestant';
import type { Subject } from '#src/benchmark/protocol';
import { Tensor } from '#src/tensor/tensor';
import { rejects, throws } from '../../support/expect-error.js';
import { fixture } from '../../support/torch.js';

const file = fixture('tiny.onnx');
const SUBJECTS: Subject[] = [
  { runtime: 'infernode', path: file, options: { backend: 'onnx', threads: 1, batching: true } },
  { runtime: 'onnxruntime-node', file, threads: 1 },
];
const x = new Tensor('float32', Float32Array.of(1, 2, 3), [3]);
const other = new Tensor('float32', Float32Array.of(5, 6), [2]);

for (const subject of SUBJECTS) {
  test(`a model in a process of its own, by ${subject.runtime}`, async (t) => {
    const contestants = new Contestants(undefined);
    t.after(() => contestants.end());
    const contestant = contestants.start();
    const opened = await contestant.open(subject);
    assert.deepEqual([opened.file, opened.threads], [file, 1]);
    assert.ok(opened.loadMs > 0);
    await contestant.give([{ x }, { x: other }]);
    assert.ok((await contestant.first()) > 0);
    // 2x + 1, of the first call and of another; inputs of other names are told by their order by the runtime.
    const [first] = Object.values(await contestant.outputs());
    assert.deepEqual(first!.toArray(), [3, 5, 7]);
    const [second] = Object.values(await contestant.outputs({ x: other }));
    assert.deepEqual(second!.toArray(), [11, 13]);
    assert.equal((await contestant.calls(1, 0)).length, 3);
    const { durations, batchSize } = await contestant.clients(2, 5);
    assert.ok(durations.length >= 2);
    assert.equal(batchSize === null, subject.runtime === 'onnxruntime-node');
    const { now, peak } = await contestant.memory();
    assert.ok(now > 1e7 && peak >= now * 0.9, `${now} ${peak}`);
    await rejects(contestant.outputs({ x: new Tensor('float32', new Float32Array(4), [2, 2]) }), 'INF_INPUT_SHAPE');
  });
}

test('errors keep their codes and details', async (t) => {
  const contestants = new Contestants(undefined);
  t.after(() => contestants.end());
  const path = 'no/such/model.onnx';
  const error = await rejects(
    contestants.with((contestant) => contestant.open({ runtime: 'infernode', path, options: {} })),
    'INF_MODEL_NOT_FOUND',
  );
  assert.equal(error.details.path, path);
});

test('a signal ends all processes, and no other one starts', async () => {
  const controller = new AbortController();
  const contestants = new Contestants(controller.signal);
  const opening = Promise.all(SUBJECTS.map((subject) => contestants.start().open(subject)));
  controller.abort(new Error('enough'));
  await rejects(opening, 'INF_BACKEND_CRASHED');
  throws(() => contestants.start(), 'INF_ABORTED');
  await contestants.end();
});
