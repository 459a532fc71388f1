import assert from 'node:assert/strict';
import { cp, mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Engine, type ModelEntry } from '#src/engine/engine';
import { rejects } from '../../support/expect-error.js';
import { adding, answerOf, index, reasonOf, until } from '../../support/served-models.js';
import { makeFolder } from '../support/files.js';

async function polled(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>, pollMs = 20) {
  const folder = await makeFolder(t, files);
  const engine = await Engine.open({ repository: folder, mode: 'poll', pollMs, threads: 1 });
  t.after(() => engine.close());
  const states: ModelEntry[] = [];
  engine.on('state', (entry) => states.push(entry));
  /** Waits until the model answers with this. */
  const answers = (name: string, expected: number) =>
    until(async () => (await answerOf(engine, name).catch(() => null)) === expected);
  return { engine, folder, states, answers };
}

test('models that are added, changed and removed', async (t) => {
  const { engine, folder, answers } = await polled(t, { 'kept.onnx': adding(1), 'going/1/model.onnx': adding(2) });
  assert.deepEqual(index(engine), ['going/1 READY', 'kept/1 READY']);
  const kept = engine.model('kept').model;
  await writeFile(join(folder, 'new.onnx'), adding(3));
  await answers('new', 3);
  await writeFile(join(folder, 'new.onnx'), adding(4));
  await answers('new', 4);
  await writeFile(join(folder, 'other'), adding(5));
  await rename(join(folder, 'other'), join(folder, 'new.onnx'));
  await answers('new', 5);
  await rm(join(folder, 'going'), { recursive: true });
  await until(() => !index(engine).some((line) => line.startsWith('going')));
  await rejects(answerOf(engine, 'going'), 'INF_MODEL_NOT_FOUND');
  await mkdir(join(folder, 'going'));
  await writeFile(join(folder, 'going/model.onnx'), adding(6));
  await answers('going', 6);
  assert.equal(engine.model('kept').model, kept, 'what has not changed is not loaded anew');
  await rejects(engine.loadModel('kept'), 'INF_FORBIDDEN');
});

test('versions that are added and removed, and the choice among them', async (t) => {
  const { engine, folder, answers } = await polled(t, { 'net/1/model.onnx': adding(1) });
  await mkdir(join(folder, 'net/2'));
  await writeFile(join(folder, 'net/2/model.onnx'), adding(2));
  await answers('net', 2);
  await until(() => index(engine)[0] === 'net/1 UNAVAILABLE');
  const second = engine.model('net').model;
  await writeFile(join(folder, 'net/model.json'), '{"versions": "all"}');
  await until(() => index(engine).join() === 'net/1 READY,net/2 READY');
  assert.equal(engine.model('net', 1).version, 1);
  await writeFile(join(folder, 'net/model.json'), '{"versions": [2]}');
  await until(() => index(engine)[0] === 'net/1 UNAVAILABLE');
  await rm(join(folder, 'net/1'), { recursive: true });
  await until(() => index(engine).length === 1);
  assert.equal(engine.model('net').model, second, 'which versions serve is no reason to load one anew');
  await rm(join(folder, 'net/2'), { recursive: true });
  await until(() => index(engine)[0] === 'net/null UNAVAILABLE');
  await rejects(answerOf(engine, 'net'), 'INF_MODEL_NOT_READY', 'has no version folder');
});

test('a model that is being copied is not touched before it is whole', async (t) => {
  const { engine, folder, states, answers } = await polled(t, {}, 200);
  await mkdir(join(folder, 'net/1'), { recursive: true });
  const file = await open(join(folder, 'net/1/model.onnx'), 'w');
  const content = adding(3);
  for (let at = 0; at < content.length; at += 4) {
    await file.write(content, at, Math.min(4, content.length - at));
    await sleep(30);
  }
  await file.close();
  assert.deepEqual(states, []);
  await answers('net', 3);
  assert.deepEqual(
    states.map(({ state }) => state),
    ['LOADING', 'READY'],
  );
  assert.equal(engine.ready, true);
});

test('a change that does not load keeps the old one; it is not tried again and again', async (t) => {
  const { engine, folder, states, answers } = await polled(t, { 'net.onnx': adding(1) });
  await writeFile(join(folder, 'net.onnx'), 'broken');
  await until(() => reasonOf(engine, 'net') !== '');
  assert.equal(await answerOf(engine, 'net'), 1);
  assert.match(reasonOf(engine, 'net'), /the last change has not taken effect: .*net\.onnx is a text file/);
  assert.deepEqual([index(engine), engine.ready], [['net/1 READY'], true]);
  await sleep(100);
  assert.equal(states.length, 1);
  await writeFile(join(folder, 'net.onnx'), adding(2));
  await answers('net', 2);
  assert.equal(reasonOf(engine, 'net'), '');
});

test('settings that are broken and mended', async (t) => {
  const files = { 'net/1/model.onnx': adding(1), 'net/model.json': '{"threads": 1}' };
  const { engine, folder } = await polled(t, files);
  const { model } = engine.model('net');
  await writeFile(join(folder, 'net/model.json'), '{"threads": ');
  await until(() => /is not JSON/.test(reasonOf(engine, 'net')));
  assert.equal(await answerOf(engine, 'net'), 1);
  await writeFile(join(folder, 'net/model.json'), '{"threads": 1}');
  await until(() => reasonOf(engine, 'net') === '');
  assert.equal(engine.model('net').model, model, 'nothing has changed in the end');
});

test('a newer version that does not load leaves the older one, until it is mended', async (t) => {
  const { engine, folder, states, answers } = await polled(t, { 'net/1/model.onnx': adding(1) });
  await mkdir(join(folder, 'net/2'));
  await writeFile(join(folder, 'net/2/model.onnx'), 'broken');
  await until(() => index(engine).join() === 'net/1 READY,net/2 UNAVAILABLE');
  await writeFile(join(folder, 'net/model.json'), '{"versions": {"latest": 1}}');
  await sleep(150);
  assert.equal(await answerOf(engine, 'net'), 1, 'a version that is known not to load takes nobody’s place');
  const tries = states.filter(({ version, state }) => version === 2 && state === 'LOADING');
  assert.equal(tries.length, 1, 'nor is it tried again');
  await writeFile(join(folder, 'net/2/model.onnx'), adding(2));
  await answers('net', 2);
  await until(() => index(engine).join() === 'net/1 UNAVAILABLE,net/2 READY');
});

test('a repository that cannot be read for a while keeps what serves', async (t) => {
  const parent = await makeFolder(t, { 'repo/net.onnx': adding(1) });
  const repository = join(parent, 'repo');
  const engine = await Engine.open({ repository, mode: 'poll', pollMs: 20, threads: 1 });
  t.after(() => engine.close());
  const { model } = engine.model('net');
  const failed: string[] = [];
  engine.on('scanFailed', ({ message }) => failed.push(message));
  await rename(repository, join(parent, 'away'));
  await until(() => failed.length >= 3);
  assert.match(failed[0]!, /The model repository .*repo cannot be read/);
  assert.equal(await answerOf(engine, 'net'), 1);
  await rename(join(parent, 'away'), repository);
  await cp(join(repository, 'net.onnx'), join(repository, 'copy.onnx'));
  await until(async () => (await answerOf(engine, 'copy').catch(() => null)) === 1);
  assert.equal(engine.model('net').model, model);
});

test('readiness: a broken model of the start counts until it is mended or removed, a later one does not', async (t) => {
  const { engine, folder } = await polled(t, { 'a.onnx': 'broken', 'b.onnx': 'broken', 'c.onnx': adding(1) });
  const told: boolean[] = [];
  engine.on('ready', (ready) => told.push(ready));
  assert.equal(engine.ready, false);
  await writeFile(join(folder, 'a.onnx'), adding(1));
  await rm(join(folder, 'b.onnx'));
  await until(() => engine.ready);
  await writeFile(join(folder, 'd.onnx'), 'broken');
  await until(() => reasonOf(engine, 'd').includes('text file'));
  assert.equal(engine.ready, true);
  assert.deepEqual(told, [true]);
});

test('readiness: a model of the start whose settings are broken counts until it is removed', async (t) => {
  const { engine, folder } = await polled(t, { 'a/1/model.onnx': adding(1), 'a/model.json': '{', 'b.onnx': adding(1) });
  const told: boolean[] = [];
  engine.on('ready', (ready) => told.push(ready));
  await rm(join(folder, 'a'), { recursive: true });
  await until(() => told.length > 0);
  assert.deepEqual([told, index(engine)], [[true], ['b/1 READY']]);
});

test('models by path are followed as well', async (t) => {
  const folder = await makeFolder(t, { 'elsewhere/net.onnx': adding(1) });
  const file = join(folder, 'elsewhere/net.onnx');
  const engine = await Engine.open({ models: { net: file }, mode: 'poll', pollMs: 20, threads: 1 });
  t.after(() => engine.close());
  await writeFile(file, adding(2));
  await until(async () => (await answerOf(engine, 'net')) === 2);
});
