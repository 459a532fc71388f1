import assert from 'node:assert/strict';
import { readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { Tensor } from 'infernode';
import { Engine, type EngineOptions, type ModelEntry } from '#src/engine/engine';
import { rejects, throws } from '../../support/expect-error.js';
import { adding, answerOf, index, reasonOf, stateOf, until } from '../../support/served-models.js';
import { bundledModel } from '../../support/test-data.js';
import { fixture } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

/** An engine on a repository of these files; both go away with the test. */
async function served(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
  options: EngineOptions = {},
): Promise<{ engine: Engine; folder: string }> {
  const folder = await makeFolder(t, files);
  const engine = await Engine.open({ repository: folder, threads: 1, ...options });
  t.after(() => engine.close());
  return { engine, folder };
}

const zero = () => ({ inputs: [new Tensor('float32', Float32Array.of(0))] });
/** Some tenths of a second of work, in more or less steps. */
const slowly = () => ({ inputs: [new Tensor('float32', new Float32Array(700 * 700), [700, 700])] });
const SLOW = fixture('slow.onnx');

describe('mode none', () => {
  test('serves every model, the newest version by default', async (t) => {
    const files = {
      'net/1/model.onnx': adding(1),
      'net/12/model.onnx': adding(12),
      'net/9/model.onnx': adding(9),
      'net/model.json': '{"versions": "all"}',
      'plain.onnx': adding(5),
    };
    const { engine } = await served(t, files, { models: { shapes: bundledModel } });
    assert.deepEqual(index(engine), ['net/1 READY', 'net/9 READY', 'net/12 READY', 'plain/1 READY', 'shapes/1 READY']);
    assert.equal(engine.ready, true);
    assert.equal(await answerOf(engine, 'net'), 12);
    assert.equal(await answerOf(engine, 'net', 9), 9);
    assert.equal(await answerOf(engine, 'plain'), 5);
    const { name, version, versions } = engine.model('net');
    assert.deepEqual({ name, version, versions }, { name: 'net', version: 12, versions: [1, 9, 12] });
    assert.ok((engine.model('shapes').model.config?.processing?.labels?.length ?? 0) > 0);
  });

  test('serves the versions that model.json says', async (t) => {
    const versions = { '1/model.onnx': adding(1), '2/model.onnx': adding(2), '3/model.onnx': adding(3) };
    const net = (name: string, selection: string) => ({
      ...Object.fromEntries(Object.entries(versions).map(([path, content]) => [`${name}/${path}`, content])),
      [`${name}/model.json`]: `{"versions": ${selection}}`,
    });
    const files = {
      ...net('a', '"latest"'),
      ...net('b', '{"latest": 2}'),
      ...net('c', '[1, 3]'),
      ...net('d', '[2, 7]'),
    };
    const { engine } = await served(t, files);
    const serving = (name: string) => index(engine).filter((line) => line.startsWith(name) && line.endsWith('READY'));
    assert.deepEqual(serving('a'), ['a/3 READY']);
    assert.deepEqual(serving('b'), ['b/2 READY', 'b/3 READY']);
    assert.deepEqual(serving('c'), ['c/1 READY', 'c/3 READY']);
    assert.deepEqual(serving('d'), ['d/2 READY']);
    assert.match(reasonOf(engine, 'a', 1), /not among the versions that are to serve/);
    assert.match(reasonOf(engine, 'd', 7), /has no version 7/);
  });

  test('a model that cannot be loaded stops nobody, but the engine is not ready', async (t) => {
    const files = {
      'bad.onnx': 'version https://git-lfs.github.com/spec/v1',
      'broken/1/model.onnx': adding(1),
      'broken/model.json': '{"precision": "fp12"}',
      'good.onnx': adding(1),
      'notes/readme.txt': '',
    };
    const { engine } = await served(t, files);
    assert.equal(await answerOf(engine, 'good'), 1);
    assert.equal(engine.ready, false);
    assert.deepEqual(index(engine), [
      'bad/1 UNAVAILABLE',
      'broken/null UNAVAILABLE',
      'good/1 READY',
      'notes/null UNAVAILABLE',
    ]);
    assert.match(reasonOf(engine, 'bad'), /git lfs pull/);
    assert.match(reasonOf(engine, 'broken', null), /precision must be/);
    await rejects(answerOf(engine, 'bad'), 'INF_MODEL_NOT_READY', 'git lfs pull');
  });

  test('a folder that has nothing of a model is no reason not to be ready', async (t) => {
    const { engine } = await served(t, { 'lost+found/x': '', 'good.onnx': adding(1) });
    assert.equal(engine.ready, true);
  });

  test('has no control', async (t) => {
    const { engine } = await served(t, { 'net.onnx': adding(1) });
    await rejects(engine.loadModel('net'), 'INF_FORBIDDEN', 'mode explicit only');
    await rejects(engine.unloadModel('net'), 'INF_FORBIDDEN', 'mode explicit only');
  });

  test('a repository that is not there, and an empty one', async (t) => {
    const folder = await makeFolder(t, {});
    await rejects(Engine.open({ repository: join(folder, 'gone') }), 'INF_OPTION_INVALID', 'cannot be read');
    const engine = await Engine.open({ repository: folder });
    assert.deepEqual([engine.models(), engine.ready], [[], true]);
    await engine.close();
  });

  test('two versions, one of which fails', async (t) => {
    const files = { 'net/1/model.onnx': adding(1), 'net/2/model.onnx': 'x', 'net/model.json': '{"versions": "all"}' };
    const { engine } = await served(t, files);
    assert.equal(await answerOf(engine, 'net'), 1);
    await rejects(answerOf(engine, 'net', 2), 'INF_MODEL_NOT_READY', 'Version 2 of model "net" does not serve');
    assert.equal(engine.ready, true);
  });
});

describe('names and versions that are unknown', () => {
  test('suggest what serves and nothing else', async (t) => {
    const files = { 'resnet.onnx': adding(1), 'secrets.onnx': 'broken' };
    const { engine } = await served(t, files);
    throws(() => engine.model('resnt'), 'INF_MODEL_NOT_FOUND', 'did you mean "resnet"?');
    const { message } = throws(() => engine.model('secret'), 'INF_MODEL_NOT_FOUND');
    assert.doesNotMatch(message, /secrets/);
    await rejects(answerOf(engine, 'resnet', 2), 'INF_MODEL_NOT_FOUND', 'no version 2', 'versions that serve: 1');
    await rejects(answerOf(engine, 'resnet', Number.NaN), 'INF_MODEL_NOT_FOUND');
    for (const name of ['', '../x', 'a\nb', 'x'.repeat(1e6), '__proto__', 'constructor']) {
      const { message: told } = await rejects(answerOf(engine, name), 'INF_MODEL_NOT_FOUND');
      assert.ok(told.length < 200 && !told.includes('\n'), told.slice(0, 300));
    }
  });
});

describe('mode explicit', () => {
  const explicit = { mode: 'explicit' } as const;

  test('loads the startup models, then what it is asked to', async (t) => {
    const files = { 'a.onnx': adding(1), 'b.onnx': adding(2), 'c.onnx': 'broken' };
    const { engine } = await served(t, files, { ...explicit, startup: ['a'] });
    assert.deepEqual(index(engine), ['a/1 READY', 'b/1 UNAVAILABLE', 'c/1 UNAVAILABLE']);
    assert.equal(engine.ready, true);
    await rejects(answerOf(engine, 'b'), 'INF_MODEL_NOT_READY', 'has not been loaded');
    await engine.loadModel('b');
    assert.equal(await answerOf(engine, 'b'), 2);
    await rejects(engine.loadModel('c'), 'INF_MODEL_FORMAT');
    assert.equal(engine.ready, true);
    await engine.unloadModel('b');
    assert.match(reasonOf(engine, 'b'), /was unloaded/);
    await rejects(answerOf(engine, 'b'), 'INF_MODEL_NOT_READY', 'was unloaded');
    await engine.unloadModel('b');
    await engine.unloadModel('a');
    assert.equal(engine.ready, true, 'what was unloaded on request is not missed');
    await engine.loadModel('a');
    assert.equal(await answerOf(engine, 'a'), 1);
  });

  test('a startup model that is missing or broken keeps it from being ready, until it is mended', async (t) => {
    const { engine, folder } = await served(t, { 'a.onnx': 'broken' }, { ...explicit, startup: ['a', 'later'] });
    assert.equal(engine.ready, false);
    assert.deepEqual(index(engine), ['a/1 UNAVAILABLE', 'later/null UNAVAILABLE']);
    assert.match(reasonOf(engine, 'later', null), /There is no model "later"/);
    await writeFile(join(folder, 'a.onnx'), adding(1));
    await writeFile(join(folder, 'later.onnx'), adding(2));
    await engine.loadModel('a');
    assert.equal(engine.ready, false);
    await engine.loadModel('later');
    assert.equal(engine.ready, true);
  });

  test('a star stands for all', async (t) => {
    const files = { 'a.onnx': adding(1), 'b.onnx': adding(2) };
    const { engine } = await served(t, files, { ...explicit, startup: ['*'] });
    assert.deepEqual(index(engine), ['a/1 READY', 'b/1 READY']);
  });

  test('names that are not in the repository', async (t) => {
    const { engine, folder } = await served(t, { 'repo/net.onnx': adding(1) }, explicit);
    await engine.close();
    const inner = await Engine.open({ repository: join(folder, 'repo'), mode: 'explicit' });
    t.after(() => inner.close());
    await writeFile(join(folder, 'secret.onnx'), adding(1));
    for (const name of ['nothing', '../secret', '..', '', ' ', 'net/', 'net.onnx', 'net\0', 'x'.repeat(300)]) {
      await rejects(inner.loadModel(name), 'INF_MODEL_NOT_FOUND');
      await rejects(inner.unloadModel(name), 'INF_MODEL_NOT_FOUND');
    }
    assert.deepEqual(index(inner), ['net/1 UNAVAILABLE']);
  });

  test('a model that has come since the start', async (t) => {
    const { engine, folder } = await served(t, {}, explicit);
    await writeFile(join(folder, 'new.onnx'), adding(7));
    await engine.loadModel('new');
    assert.equal(await answerOf(engine, 'new'), 7);
  });

  test('links out of the repository are refused', async (t) => {
    const { engine, folder } = await served(t, { 'net/1/notes.txt': '' }, explicit);
    const elsewhere = await makeFolder(t, { 'model.onnx': adding(1) });
    await symlink(join(elsewhere, 'model.onnx'), join(folder, 'net/1/model.onnx'));
    await rejects(engine.loadModel('net'), 'INF_MODEL_UNSAFE', 'leads out of the repository');
  });

  test('a config instead of model.json', async (t) => {
    const files = {
      'net/1/model.onnx': adding(1),
      'net/2/model.onnx': adding(2),
      'net/labels.txt': 'cat\ndog',
      'net/model.json': '{"threads": 1}',
    };
    const { engine, folder } = await served(t, files, explicit);
    await engine.loadModel('net', { versions: [1], processing: { softmax: true } });
    assert.equal(await answerOf(engine, 'net'), 1);
    assert.deepEqual(engine.model('net').model.config, { versions: [1], processing: { softmax: true } });
    await engine.loadModel('net', { processing: { labels: 'labels.txt' as unknown as string[] } });
    assert.deepEqual(engine.model('net').model.config?.processing?.labels, ['cat', 'dog']);
    await rejects(
      engine.loadModel('net', { precison: 'fp32' } as object),
      'INF_MODEL_CONFIG',
      'config of "net"',
      'precision',
    );
    const outside = { processing: { labels: `${'../'.repeat(20)}etc/passwd` as unknown as string[] } };
    await rejects(engine.loadModel('net', outside), 'INF_MODEL_UNSAFE');
    assert.equal(await answerOf(engine, 'net'), 2);
    await engine.loadModel('net');
    assert.deepEqual(engine.model('net').model.config, { threads: 1 });
    await writeFile(join(folder, 'net/model.json'), 'broken');
    await rejects(engine.loadModel('net'), 'INF_MODEL_CONFIG', 'is not JSON');
    await engine.loadModel('net', {});
    assert.deepEqual(engine.model('net').model.config, {});
  });

  test('batching of the engine holds where the model has none of its own', async (t) => {
    const own = '{"batching": {"keepOrder": true, "maxQueue": 3, "maxSize": 4, "padTo": []}}';
    const files = {
      'own.onnx': adding(1),
      'own.json': own,
      'plain.onnx': adding(1),
      'single.onnx': await readFile(SLOW),
    };
    const { engine } = await served(t, files, { batching: { maxSize: 8, padTo: [8, 2], maxDelayMs: 1 } });
    const batching = (name: string) => {
      const { maxSize, padTo, maxDelayMs, maxQueue, keepOrder } = engine.model(name).model.batching;
      return { maxSize, padTo, maxDelayMs, maxQueue, keepOrder };
    };
    const common = { maxDelayMs: 1, maxQueue: 256, keepOrder: false };
    assert.deepEqual(batching('plain'), { ...common, maxSize: 8, padTo: [2, 8] });
    assert.deepEqual(batching('own'), { ...common, maxSize: 4, padTo: [], maxQueue: 3, keepOrder: true });
    // It takes one row, whatever others take.
    assert.deepEqual(batching('single'), { ...common, maxSize: 1, padTo: [] });
  });
});

describe('a reload', () => {
  const explicit = { mode: 'explicit', startup: ['*'] } as const;

  test('takes over when it is ready; requests in flight finish on the old model', async (t) => {
    const engine = await Engine.open({ models: { slow: SLOW }, mode: 'explicit', startup: ['slow'], threads: 1 });
    t.after(() => engine.close());
    const old = engine.model('slow').model;
    const answers = Promise.all(Array.from({ length: 4 }, () => engine.infer('slow', slowly())));
    await engine.loadModel('slow');
    assert.notEqual(engine.model('slow').model, old);
    assert.equal((await answers).length, 4);
    await rejects(old.infer(zero()), 'INF_MODEL_CLOSED');
  });

  test('that fails keeps the old one, and says so', async (t) => {
    const { engine, folder } = await served(t, { 'net/1/model.onnx': adding(1) }, explicit);
    const file = join(folder, 'net/1/model.onnx');
    await writeFile(file, 'broken');
    await rejects(engine.loadModel('net'), 'INF_MODEL_FORMAT');
    assert.equal(await answerOf(engine, 'net'), 1);
    assert.deepEqual(index(engine), ['net/1 READY']);
    assert.match(reasonOf(engine, 'net'), /last change has not taken effect: .*is a text file, not a model/);
    assert.equal(engine.ready, true);
    await writeFile(join(folder, 'net/model.json'), '{"x": 1}');
    await rejects(engine.loadModel('net'), 'INF_MODEL_CONFIG');
    assert.match(reasonOf(engine, 'net'), /unknown key x/);
    await rm(join(folder, 'net'), { recursive: true });
    await rejects(engine.loadModel('net'), 'INF_MODEL_NOT_FOUND');
    assert.equal(await answerOf(engine, 'net'), 1);
    await writeFile(join(folder, 'net.onnx'), adding(2));
    await engine.loadModel('net');
    assert.equal(await answerOf(engine, 'net'), 2);
    assert.equal(reasonOf(engine, 'net'), '');
  });

  test('to a newer version lets go of the older when the newer serves, not before', async (t) => {
    const { engine, folder } = await served(t, { 'net/1/model.onnx': adding(1), 'new/model.onnx': 'broken' }, explicit);
    await rename(join(folder, 'new'), join(folder, 'net/2'));
    await rejects(engine.loadModel('net'), 'INF_MODEL_FORMAT');
    assert.equal(await answerOf(engine, 'net'), 1);
    assert.deepEqual(index(engine), ['net/1 READY', 'net/2 UNAVAILABLE', 'new/1 UNAVAILABLE']);
    await writeFile(join(folder, 'net/2/model.onnx'), adding(2));
    await engine.loadModel('net');
    assert.equal(await answerOf(engine, 'net'), 2);
    await until(() => index(engine)[0] === 'net/1 UNAVAILABLE');
    await rejects(answerOf(engine, 'net', 1), 'INF_MODEL_NOT_FOUND', 'not among the versions that are to serve');
    await rm(join(folder, 'net/1'), { recursive: true });
    await engine.loadModel('net');
    assert.deepEqual(index(engine).slice(0, 1), ['net/2 READY']);
    await rejects(answerOf(engine, 'net', 1), 'INF_MODEL_NOT_FOUND');
  });

  test('while a request is on its way in costs that request nothing', async (t) => {
    const { engine, folder } = await served(t, { 'net.onnx': adding(1) }, explicit);
    const { model } = engine.model('net');
    const infer = model.infer.bind(model);
    model.infer = async (request) => {
      await writeFile(join(folder, 'net.onnx'), adding(2));
      await engine.loadModel('net');
      return infer(request);
    };
    assert.equal(await answerOf(engine, 'net'), 2);
    await engine.model('net').model.close();
    await rejects(answerOf(engine, 'net'), 'INF_MODEL_CLOSED');
  });

  test('of a file that was overwritten in place', async (t) => {
    const { engine, folder } = await served(t, { 'net.onnx': adding(1) }, explicit);
    await writeFile(join(folder, 'net.onnx'), adding(2));
    assert.equal(await answerOf(engine, 'net'), 1);
    await engine.loadModel('net');
    assert.equal(await answerOf(engine, 'net'), 2);
  });
});

describe('at the same time', () => {
  const explicit = { mode: 'explicit' } as const;

  test('equal loads are one', async (t) => {
    const { engine } = await served(t, { 'net.onnx': adding(1) }, explicit);
    const states: ModelEntry[] = [];
    engine.on('state', (entry) => states.push(entry));
    await Promise.all(Array.from({ length: 20 }, () => engine.loadModel('net')));
    assert.equal(await answerOf(engine, 'net'), 1);
    assert.deepEqual(
      states.map(({ state }) => state),
      ['LOADING', 'READY'],
    );
  });

  test('an unload gives a load up; a load after it loads', async (t) => {
    const { engine } = await served(t, { 'net.onnx': adding(1) }, explicit);
    const loading = stateOf(engine, 'LOADING');
    const given = rejects(engine.loadModel('net'), 'INF_MODEL_NOT_READY', 'unloaded before it had been loaded');
    await loading;
    const unload = engine.unloadModel('net');
    await Promise.all([given, unload]);
    assert.deepEqual(index(engine), ['net/1 UNAVAILABLE']);
    const [first, second] = [engine.unloadModel('net'), engine.loadModel('net')];
    await Promise.all([first, second]);
    assert.equal(await answerOf(engine, 'net'), 1);
  });

  test('an unload waits for the requests in flight, and a load for the unload', async (t) => {
    const engine = await Engine.open({ models: { slow: SLOW }, mode: 'explicit', startup: ['slow'], threads: 1 });
    t.after(() => engine.close());
    const order: string[] = [];
    const answer = engine.infer('slow', slowly()).then(() => order.push('answer'));
    const unload = engine.unloadModel('slow').then(() => order.push('unloaded'));
    const load = engine.loadModel('slow').then(() => order.push('loaded'));
    assert.deepEqual(index(engine), ['slow/1 UNLOADING']);
    await rejects(engine.infer('slow', slowly()), 'INF_MODEL_NOT_READY');
    await Promise.all([answer, unload, load]);
    assert.deepEqual(order, ['answer', 'unloaded', 'loaded']);
  });

  test('different models load side by side', async (t) => {
    const files = Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`m${i}.onnx`, adding(i)]));
    const { engine } = await served(t, files, explicit);
    await Promise.all(Array.from({ length: 5 }, (_, i) => engine.loadModel(`m${i}`)));
    assert.deepEqual(await Promise.all([0, 1, 2, 3, 4].map((i) => answerOf(engine, `m${i}`))), [0, 1, 2, 3, 4]);
  });
});

describe('closing', () => {
  test('lets requests in flight finish and takes no more', async (t) => {
    const engine = await Engine.open({ models: { slow: SLOW }, threads: 1 });
    t.after(() => engine.close());
    const answer = engine.infer('slow', slowly());
    const closed = engine.close();
    assert.equal(engine.close(), closed);
    assert.equal(engine.ready, false);
    await rejects(engine.infer('slow', slowly()), 'INF_SHUTTING_DOWN');
    throws(() => engine.model('slow'), 'INF_SHUTTING_DOWN');
    assert.equal(Object.keys((await answer).outputs).length, 1);
    await closed;
    assert.deepEqual(index(engine), ['slow/1 UNAVAILABLE']);
  });

  test('while models are loading', async (t) => {
    const folder = await makeFolder(t, { 'a.onnx': adding(1), 'b.onnx': adding(1), 'c.onnx': adding(1) });
    const engine = await Engine.start({ repository: folder });
    assert.equal(engine.ready, false);
    await stateOf(engine, 'LOADING');
    await engine.close();
    await engine.started;
    assert.deepEqual(index(engine), ['a/1 UNAVAILABLE', 'b/1 UNAVAILABLE', 'c/1 UNAVAILABLE']);
  });

  test('while a load was asked for', async (t) => {
    const { engine } = await served(t, { 'net.onnx': adding(1) }, { mode: 'explicit' });
    const given = [
      rejects(engine.loadModel('net'), 'INF_SHUTTING_DOWN'),
      rejects(engine.loadModel('net'), 'INF_SHUTTING_DOWN'),
    ];
    await engine.close();
    await Promise.all(given);
    await rejects(engine.loadModel('net'), 'INF_SHUTTING_DOWN');
  });
});

describe('events', () => {
  test('tell every state in order, and when the engine becomes ready', async (t) => {
    const folder = await makeFolder(t, { 'net.onnx': adding(1) });
    const told: string[] = [];
    const engine = await Engine.start({ repository: folder });
    const onState = ({ name, version, state }: ModelEntry) => told.push(`${name}/${version} ${state}`);
    engine.on('state', onState).on('ready', (ready) => told.push(`ready ${ready}`));
    await engine.started;
    await until(() => engine.ready && told.includes('ready true'));
    await engine.close();
    assert.deepEqual(told, [
      'net/1 LOADING',
      'net/1 READY',
      'ready true',
      'ready false',
      'net/1 UNLOADING',
      'net/1 UNAVAILABLE',
    ]);
    engine.off('state', onState);
  });
});
