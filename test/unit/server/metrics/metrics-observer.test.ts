import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ModelEntry } from '#src/engine/engine';
import { MetricsObserver } from '#src/server/metrics/metrics-observer';

/** An engine that has these models, none of which is asked about. */
const having = (...models: ModelEntry[]) => ({ models: () => models, served: () => [] });

const ready = (name: string, version = 1): ModelEntry => ({ name, version, state: 'READY', reason: '' });

function make(t: TestContext): MetricsObserver {
  const metrics = new MetricsObserver();
  t.after(() => metrics.close());
  return metrics;
}

test('counts requests by outcome and calls by why they went, in seconds', async (t) => {
  const metrics = make(t);
  const observer = metrics.observe('m', 3);
  observer.onRequest({ outcome: 'success', rows: 2, queueMs: 20, totalMs: 40 });
  observer.onRequest({ outcome: 'rejected', rows: 1, queueMs: 0, totalMs: 0 });
  observer.onExecution({ ok: true, requests: 2, rows: 5, reason: 'full', joinMs: 1, computeMs: 10, splitMs: 1 });
  observer.onExecution({ ok: false, requests: 1, rows: 9, reason: 'single', joinMs: 1, computeMs: 10, splitMs: 1 });
  const text = await metrics.render(having(ready('m', 3)));
  for (const line of [
    'infernode_requests_total{model="m",version="3",outcome="success"} 1',
    'infernode_requests_total{model="m",version="3",outcome="rejected"} 1',
    'infernode_executions_total{model="m",version="3",outcome="success",reason="full"} 1',
    'infernode_executions_total{model="m",version="3",outcome="failed",reason="single"} 1',
    'infernode_inferences_total{model="m",version="3"} 5',
    'infernode_queue_duration_seconds_sum{model="m",version="3"} 0.02',
    'infernode_request_duration_seconds_count{model="m",version="3"} 2',
    'infernode_compute_duration_seconds_bucket{le="0.01",model="m",version="3"} 1',
    'infernode_batch_rows_sum{model="m",version="3"} 5',
  ]) {
    assert.ok(text.includes(`${line}\n`), `no ${line} in\n${text}`);
  }
});

test('series of models that are gone go too, others stay', async (t) => {
  const metrics = make(t);
  for (const [name, version] of [
    ['a', 1],
    ['a', 2],
    ['b', 1],
  ] as const) {
    const observer = metrics.observe(name, version);
    observer.onRequest({ outcome: 'failed', rows: 1, queueMs: 1, totalMs: 1 });
    observer.onExecution({ ok: true, requests: 1, rows: 1, reason: 'idle', joinMs: 0, computeMs: 1, splitMs: 0 });
  }
  const gone: ModelEntry = { name: 'b', version: 1, state: 'UNAVAILABLE', reason: 'unloaded' };
  const text = await metrics.render(having(ready('a', 2), gone));
  assert.match(text, /model="a",version="2"/);
  assert.doesNotMatch(text, /model="a",version="1"|_(total|sum|requests)\{.*model="b"/);
});

test('says of every model of the repository whether it serves', async (t) => {
  const metrics = make(t);
  const lost: ModelEntry = { name: 'lost', version: null, state: 'UNAVAILABLE', reason: 'it has no file' };
  const text = await metrics.render(having(ready('m', 2), lost));
  assert.match(text, /infernode_model_ready\{model="m",version="2"\} 1\n/);
  assert.match(text, /infernode_model_ready\{model="lost",version=""\} 0\n/);
  assert.doesNotMatch(await metrics.render(having()), /model="/);
});

test('two of them do not disturb each other', async (t) => {
  const [one, other] = [make(t), make(t)];
  one.observe('m', 1).onRequest({ outcome: 'success', rows: 1, queueMs: 1, totalMs: 1 });
  assert.doesNotMatch(await other.render(having(ready('m'))), /outcome="success"/);
});

test('measures the process', async (t) => {
  const metrics = make(t);
  const until = performance.now() + 60;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const text = await metrics.render(having());
  const value = (line: string) => Number(new RegExp(`^${line} (.+)$`, 'm').exec(text)?.[1]);
  assert.ok(value('infernode_event_loop_delay_seconds\\{quantile="1"\\}') > 0);
  assert.ok(value('infernode_process_memory_bytes\\{kind="resident"\\}') > 1e6);
  assert.ok(value('infernode_process_cpu_seconds_total\\{mode="user"\\}') > 0);
});
