import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { load, Tensor } from 'infernode';
import { bundledModel, repository } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';

const paths = { torch: fixture('tiny.pt'), onnx: fixture('tiny.onnx') } as const;
const entry = join(repository, 'dist/index.js');
const backends = (['torch', 'onnx'] as const).filter((name) => name === 'onnx' || !needsTorch);

/** Runs an ES module in a process of its own. */
function run(source: string): Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }> {
  const text = `import { load, Tensor, listBackends } from ${JSON.stringify(entry)};\n${source}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', text], { timeout: 60_000 });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (output.stdout += chunk));
  child.stderr.on('data', (chunk) => (output.stderr += chunk));
  return new Promise((settle) => child.on('close', (code, signal) => settle({ code, signal, ...output })));
}

const worker = `
  const { parentPort, workerData } = require('node:worker_threads');
  import(workerData.entry).then(async ({ load, Tensor }) => {
    const model = await load(workerData.path);
    const answers = [];
    for (let i = 0; i < workerData.calls; i++) {
      const x = new Tensor('float32', Float32Array.of(i));
      answers.push((await model.run([x])).output.item(), model.runSync([x]).output.item());
    }
    if (workerData.close) await model.close();
    else if (workerData.busy) model.run([new Tensor('float32', new Float32Array(1 << 20))]);
    parentPort.postMessage(answers);
  });`;

function inWorker(path: string, calls: number, close: boolean): Promise<{ answers: number[]; code: number }> {
  // onnxruntime-node aborts the process if its thread is ended while it works, so its worker ends at rest.
  const busy = path === paths.torch;
  const thread = new Worker(worker, { eval: true, workerData: { entry, path, calls, close, busy } });
  return new Promise((settle, reject) => {
    let answers: number[] = [];
    thread.on('message', (message) => {
      answers = message;
      if (!close) void thread.terminate();
    });
    thread.on('error', reject);
    thread.on('exit', (code) => settle({ answers, code }));
  });
}

for (const backend of backends) {
  describe(`the ${backend} backend in several environments`, () => {
    test('four worker threads and the main thread at once', async () => {
      const expected = Array.from({ length: 50 }, (_, i) => [2 * i + 1, 2 * i + 1]).flat();
      await using model = await load(paths[backend]);
      const workers = Array.from({ length: 4 }, () => inWorker(paths[backend], 50, true));
      for (let i = 0; i < 50; i++) {
        const { output } = await model.run([new Tensor('float32', Float32Array.of(i))]);
        assert.equal(output!.item(), 2 * i + 1);
      }
      for (const { answers, code } of await Promise.all(workers)) {
        assert.deepEqual(answers, expected);
        assert.equal(code, 0);
      }
    });

    test(`a worker that is terminated ${backend === 'torch' ? 'with work in flight' : 'without close'} harms nobody`, async () => {
      await using model = await load(paths[backend]);
      for (let round = 0; round < 5; round++) await inWorker(paths[backend], 1, false);
      assert.equal((await model.run([new Tensor('float32', Float32Array.of(3))])).output!.item(), 7);
    });

    const ends: [string, string, number][] = [
      ['process.exit', 'process.exit(3);', 3],
      ['an unhandled rejection', 'Promise.reject(new Error("unhandled"));', 1],
      ['an uncaught exception', 'setImmediate(() => { throw new Error("uncaught"); });', 1],
    ];
    for (const [name, source, code] of ends) {
      test(`${name} with calls of a real model in flight`, async () => {
        for (const calls of [1, 1, 10, 200]) {
          const ended = await run(`
            const model = await load(${JSON.stringify(bundledModel)}, { backend: ${JSON.stringify(backend)} });
            const x = new Tensor('float32', new Float32Array(12288), [1, 3, 64, 64]);
            for (let i = 0; i < ${calls}; i++) model.run([x]).catch(() => {});
            ${source}`);
          assert.deepEqual([ended.code, ended.signal], [code, null], ended.stderr);
        }
      });
    }

    const exits: [string, string][] = [
      ['ends by itself with an idle model', ''],
      ['ends by itself after the last answer', 'await model.run([x]);'],
      ['waits for an answer that nobody awaits', 'model.run([x]).then(() => console.log("answered"));'],
      ['exits with work in flight', 'for (let i = 0; i < 100; i++) model.run([x]); process.exit(0);'],
      ['exits in the middle of loading', 'load(path); process.exit(0);'],
      ['closes without waiting', 'model.run([x]); model.close();'],
    ];
    for (const [name, source] of exits) {
      test(name, async () => {
        const path = JSON.stringify(paths[backend]);
        const x = 'new Tensor("float32", new Float32Array(1 << 16))';
        const ended = await run(`const path = ${path}; const model = await load(path); const x = ${x};\n${source}`);
        assert.deepEqual([ended.code, ended.signal], [0, null], ended.stderr);
        assert.equal(ended.stderr, '');
        if (source.includes('answered')) assert.equal(ended.stdout.trim(), 'answered');
      });
    }
  });
}

test('the torch backend opens again when all workers that used it are gone', { skip: needsTorch }, async () => {
  const source = `import(${JSON.stringify(entry)}).then(async ({ load, Tensor }) => {
    const model = await load(${JSON.stringify(paths.torch)});
    await model.run([new Tensor('float32', new Float32Array(4))]);
    await model.close();
  })`;
  const ended = await run(`
    import { Worker } from 'node:worker_threads';
    for (let round = 0; round < 3; round++) {
      const thread = new Worker(${JSON.stringify(source)}, { eval: true });
      await new Promise((settle, reject) => thread.on('exit', settle).on('error', reject));
    }`);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
});

test('one signal for many calls warns of nothing', async () => {
  const paths_ = JSON.stringify(backends.map((name) => paths[name]));
  const ended = await run(`
    const { signal } = new AbortController();
    for (const path of ${paths_}) {
      const model = await load(path);
      const x = new Tensor('float32', new Float32Array(4));
      await Promise.all(Array.from({ length: 50 }, () => model.run([x], { signal })));
    }`);
  assert.deepEqual([ended.code, ended.stderr], [0, '']);
});

test('both backends in one process', async () => {
  const image = new Tensor('float32', new Float32Array(3 * 64 * 64).fill(0.1), [1, 3, 64, 64]);
  const results = [];
  for (const backend of backends) {
    await using model = await load(bundledModel, { backend });
    assert.equal(model.info.backend, backend);
    results.push((await model.run({ image })).output!.toNumbers());
  }
  for (const result of results) {
    for (let i = 0; i < 10; i++) assert.ok(Math.abs(result[i]! - results[0]![i]!) < 1e-4);
  }
});

test('loading prints nothing', async () => {
  const ended = await run(
    `await listBackends(); for (const path of ${JSON.stringify(backends.map((name) => paths[name]))}) await (await load(path)).close();`,
  );
  assert.deepEqual([ended.code, ended.stdout, ended.stderr], [0, '', '']);
});
