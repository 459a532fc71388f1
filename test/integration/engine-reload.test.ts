import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Engine, type EngineOptions, InfernodeError, Tensor } from 'infernode';
import { adding, answerOf, until } from '../support/served-models.js';
import { fixture, needsTorch } from '../support/torch.js';
import { makeFolder } from '../unit/support/files.js';

/** Two models under one name, and what each makes of x. */
interface Pair {
  readonly extension: string;
  readonly files: readonly [Uint8Array, Uint8Array];
  readonly expected: readonly [(x: number) => number, (x: number) => number];
}

const ONNX: Pair = { extension: 'onnx', files: [adding(1), adding(2)], expected: [(x) => x + 1, (x) => x + 2] };
const TORCH: Pair = {
  extension: 'pt',
  files: [await readFile(fixture('tiny.pt')), await readFile(fixture('identity.pt'))],
  expected: [(x) => 2 * x + 1, (x) => x],
};

async function open(t: TestContext, folder: string, options: EngineOptions = {}): Promise<Engine> {
  const engine = await Engine.open({ repository: folder, threads: 1, ...options });
  t.after(() => engine.close());
  return engine;
}

/** Asks without a pause until it is stopped. Each answer must be that of one of the two models, as a whole. */
function asking(engine: Engine, { expected }: Pair, loops = 4) {
  const counts = [0, 0];
  let goesOn = true;
  const loop = async (seed: number) => {
    for (let turn = 0; goesOn; turn++) {
      const x = Float32Array.from({ length: 1 + ((turn * 7) % 50) }, (_, i) => seed * 1000 + turn + i + 2);
      const { outputs } = await engine.infer('net', { inputs: [new Tensor('float32', x)] });
      const y = [...(Object.values(outputs)[0]!.data as Float32Array)];
      const which = expected.findIndex((of) => x.every((value, i) => y[i] === Math.fround(of(value))));
      assert.ok(which >= 0 && y.length === x.length, `of ${x[0]} came ${y[0]}`);
      counts[which]!++;
    }
  };
  const all = Promise.all(Array.from({ length: loops }, (_, seed) => loop(seed)));
  const stop = async () => {
    goesOn = false;
    await all;
    return counts;
  };
  // A failure stops all, and is told by `stop`.
  all.catch(() => undefined);
  return { stop };
}

for (const [name, pair, skip] of [
  ['onnx', ONNX, false],
  ['torch', TORCH, needsTorch],
] as const) {
  const path = (folder: string, version = '') => join(folder, 'net', version, `model.${pair.extension}`);

  test(`${name}: 50 reloads of a file that is overwritten, under requests`, { skip }, async (t) => {
    const folder = await makeFolder(t, { [`net/model.${pair.extension}`]: pair.files[0] });
    const engine = await open(t, folder, { mode: 'explicit', startup: ['net'] });
    const { stop } = asking(engine, pair);
    for (let turn = 1; turn <= 50; turn++) {
      await writeFile(path(folder), pair.files[turn % 2]!);
      await engine.loadModel('net');
      // Whoever asks after a reload is answered by the new model.
      const x = new Tensor('float32', Float32Array.of(5));
      const { outputs } = await engine.infer('net', { inputs: [x] });
      assert.equal(Object.values(outputs)[0]!.data[0], pair.expected[turn % 2]!(5));
    }
    const [first, second] = await stop();
    assert.ok(first! > 50 && second! > 50, `answers: ${first}, ${second}`);
  });

  test(`${name}: versions that come and go under requests, by polling`, { skip }, async (t) => {
    const folder = await makeFolder(t, { [`net/1/model.${pair.extension}`]: pair.files[1] });
    const engine = await open(t, folder, { mode: 'poll', pollMs: 20 });
    const { stop } = asking(engine, pair);
    for (let version = 2; version <= 11; version++) {
      const making = join(folder, 'net', 'next');
      await mkdir(making);
      await writeFile(join(making, `model.${pair.extension}`), pair.files[version % 2]!);
      await rename(making, join(folder, 'net', String(version)));
      await until(() => engine.model('net').version === version);
      await rm(join(folder, 'net', String(version - 1)), { recursive: true });
    }
    const [first, second] = await stop();
    assert.ok(first! > 10 && second! > 10, `answers: ${first}, ${second}`);
  });

  test(`${name}: 30 cycles of loads and unloads of one model at once`, { skip }, async (t) => {
    const folder = await makeFolder(t, {});
    const file = join(folder, `net.${pair.extension}`);
    await writeFile(file, pair.files[0]);
    const engine = await open(t, folder, { mode: 'explicit', startup: ['net'] });
    const codes = new Set<string>();
    const allowed = async (work: Promise<unknown>) => {
      await work.catch((error) => {
        assert.ok(error instanceof InfernodeError, String(error));
        codes.add(error.code);
      });
    };
    for (let cycle = 0; cycle < 30; cycle++) {
      const ask = () => engine.infer('net', { inputs: [new Tensor('float32', Float32Array.of(5))] });
      await Promise.all([
        allowed(engine.loadModel('net')),
        allowed(ask()),
        allowed(engine.unloadModel('net')),
        allowed(ask()),
        allowed(engine.loadModel('net')),
        allowed(cycle % 2 === 0 ? engine.unloadModel('net') : ask()),
        allowed(engine.loadModel('net')),
      ]);
    }
    assert.deepEqual([...codes], ['INF_MODEL_NOT_READY']);
    await engine.loadModel('net');
    const { outputs } = await engine.infer('net', { inputs: [new Tensor('float32', Float32Array.of(5))] });
    assert.equal(Object.values(outputs)[0]!.data[0], pair.expected[0](5));
    assert.equal(engine.ready, true);
  });
}

test('models of two backends, loaded and unloaded under requests to each other', { skip: needsTorch }, async (t) => {
  const folder = await makeFolder(t, { 'net.onnx': ONNX.files[0] });
  await copyFile(fixture('tiny.pt'), join(folder, 'other.pt'));
  const engine = await open(t, folder, { mode: 'explicit', startup: ['net'] });
  const { stop } = asking(engine, ONNX, 2);
  for (let turn = 0; turn < 10; turn++) {
    await engine.loadModel('other');
    assert.equal(await answerOf(engine, 'other'), 1);
    await engine.unloadModel('other');
  }
  const [first, second] = await stop();
  assert.ok(first! > 10 && second === 0);
});
