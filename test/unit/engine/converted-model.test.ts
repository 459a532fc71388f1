import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { listBackends, load, type Model } from 'infernode';
import { environmentHash, libraryVersions } from '#src/config/environment';
import { systemInfo } from '#src/config/system-info';
import { isQuantized } from '#src/conversion/is-quantized';
import { hashFiles, storeEntry } from '#src/models/tuned-cache';
import { assertNear } from '../../support/accuracy.js';
import { rejects } from '../../support/expect-error.js';
import { type GraphSpec, writeModel } from '../../support/onnx-builder.js';
import { dataFile, needsTestData } from '../../support/test-data.js';
import { fixture, needsTorch } from '../../support/torch.js';
import { convNet, matMul, noiseTensor } from '../conversion/onnx/models.js';
import { withOwnCache } from '../support/cache.js';
import { makeFolder } from '../support/files.js';

let cache: string;
withOwnCache((folder) => {
  cache = folder;
});

const linear = fixture('quantize-linear.pt');
const row = noiseTensor([4, 16], 99);
const onnxRow = noiseTensor([3, 8], 99);

const onnxFile = async (t: TestContext, graph: GraphSpec) =>
  writeModel(join(await makeFolder(t, {}), 'model.onnx'), graph);

/** Asserts that a model answers nearly as the file does as it was saved. */
async function assertRight(model: Model, file: string, cosine: number, input = row): Promise<void> {
  await using float = await load(file);
  assertNear(await model.run([input]), await float.run([input]), cosine);
}

async function entries(): Promise<string[]> {
  const home = join(cache, 'infernode/optimized');
  const models = await readdir(home).catch(() => []);
  return (await Promise.all(models.map((model) => readdir(join(home, model))))).flat();
}

describe('a TorchScript model loaded in INT8', { skip: needsTorch }, () => {
  test('is converted into the cache, once, and is right', async (t) => {
    await using first = await load(linear, { precision: 'int8' });
    assert.ok(first.file.startsWith(cache), first.file);
    assert.equal(first.path, linear);
    assert.equal(isQuantized(first.info), true);
    await assertRight(first, linear, 0.99);
    const { ino, mtimeMs } = await stat(first.file);
    await using second = await load(linear, { precision: 'int8' });
    assert.equal(second.file, first.file);
    const again = await stat(second.file);
    assert.deepEqual([again.ino, again.mtimeMs], [ino, mtimeMs]);
    const copy = join(await makeFolder(t, { 'copy.pt': await readFile(linear) }), 'copy.pt');
    await using third = await load(copy, { precision: 'int8' });
    assert.equal(third.file, first.file);
    assert.equal((await entries()).length, 1);
  });

  test('is converted again where the cache is spoilt', async () => {
    const spoilt = await load(linear, { precision: 'int8' });
    await spoilt.close();
    await appendFile(spoilt.file, 'x');
    const { size } = await stat(spoilt.file);
    await using model = await load(linear, { precision: 'int8' });
    assert.equal((await stat(model.file)).size, size - 1);
    await assertRight(model, linear, 0.99);
  });

  test('may be asked for by two at once', async () => {
    const models = await Promise.all([1, 2, 3].map(() => load(linear, { precision: 'int8' })));
    for (const model of models) {
      await assertRight(model, linear, 0.99);
      await model.close();
    }
    assert.equal((await entries()).length, 1);
  });

  test('may be asked for by model.json', async (t) => {
    const folder = await makeFolder(t, { '1/model.pt': await readFile(linear), 'model.json': '{"precision": "int8"}' });
    await using model = await load(folder);
    assert.equal(isQuantized(model.info), true);
    await using float = await load(folder, { precision: 'fp32' });
    assert.equal(float.file, join(folder, '1/model.pt'));
  });

  test('is the file itself, if that is INT8 already', async () => {
    const file = fixture('quantize-already.pt');
    await using model = await load(file, { precision: 'int8' });
    assert.equal(model.file, file);
    assert.match(model.choice.reason, /the model is int8 as it was saved$/);
    assert.deepEqual(await entries(), []);
  });

  test('keeps its other methods', { skip: needsTestData }, async () => {
    const file = dataFile('models/torchscript/g1_motion_lstm_policy.pt');
    await using model = await load(file, { precision: 'int8' });
    await using float = await load(file);
    assert.match(model.choice.reason, /converted to int8$/);
    assert.deepEqual(Object.keys(model.info.methods), ['forward', 'reset_memory']);
    const seen = noiseTensor([1, 47], 1);
    const first = await model.run([seen]);
    assertNear(first, await float.run([seen]), 0.99);
    assert.notDeepEqual(await model.run([seen]), first);
    await model.call('reset_memory');
    assert.deepEqual(await model.run([seen]), first);
  });

  test('keeps its state, if it has one', async () => {
    const file = fixture('quantize-running.pt');
    await using model = await load(file, { precision: 'int8' });
    await using float = await load(file);
    for (let i = 0; i < 3; i++) assertNear(await model.run([row]), await float.run([row]), 0.99);
  });
});

describe('an ONNX model', () => {
  for (const precision of ['int8', 'fp16'] as const) {
    test(`loaded in ${precision} is converted into the cache, once, and is right`, async (t) => {
      const file = await onnxFile(t, matMul());
      await using first = await load(file, { precision });
      assert.ok(first.file.startsWith(cache), first.file);
      assert.ok(precision === 'fp16' ? first.info.parameters.dtypes.float16 : isQuantized(first.info));
      await assertRight(first, file, 0.99, onnxRow);
      const { ino } = await stat(first.file);
      await using second = await load(file, { precision });
      assert.deepEqual([second.file, (await stat(second.file)).ino], [first.file, ino]);
      // What is so already is not converted again.
      await using third = await load(first.file, { precision });
      assert.equal(third.file, first.file);
    });
  }

  test('of convolutions alone is told to be calibrated: measured in each call they are slower than in float', async (t) => {
    const file = await onnxFile(t, convNet());
    await rejects(load(file, { precision: 'int8' }), 'INF_QUANTIZE_NOTHING', 'For convolutions use optimize()');
  });

  test('has an entry for each precision', async (t) => {
    const file = await onnxFile(t, matMul());
    for (const precision of ['int8', 'fp16'] as const) await (await load(file, { precision })).close();
    assert.equal((await entries()).length, 2);
  });

  test('does not run in BF16', async (t) => {
    const file = await onnxFile(t, matMul());
    await rejects(load(file, { precision: 'bf16' }), 'INF_PRECISION_UNSUPPORTED', 'bf16');
  });
});

describe('a TorchScript model loaded in BF16', { skip: needsTorch }, () => {
  for (const [name, input] of [
    ['quantize-linear', row],
    ['quantize-conv', noiseTensor([2, 3, 8, 8], 99)],
    ['quantize-conv-scripted', noiseTensor([2, 3, 8, 8], 99)],
    ['quantize-named', row],
    ['quantize-view', noiseTensor([2, 3, 8, 8], 99)],
    ['encoder', noiseTensor([2, 5, 8], 99)],
  ] as const) {
    test(`${name}: takes and gives the same dtypes, and is right`, async () => {
      const file = fixture(`${name}.pt`);
      await using model = await load(file, { precision: 'bf16' });
      await using float = await load(file);
      assert.equal(model.file, file);
      assert.equal(model.info.metadata['computes in'], 'bfloat16');
      assert.deepEqual(model.signature, float.signature);
      await assertRight(model, file, 0.999, input);
      assert.deepEqual((await model.run([input])).output?.data, model.runSync([input]).output?.data);
    });
  }

  test('does not take a write through a view for one that may be lost', async () => {
    const file = fixture('quantize-view-written.pt');
    await using model = await load(file, { precision: 'bf16' });
    await rejects(model.run([noiseTensor([2, 3, 8, 8], 99)]), 'INF_MODEL_FAILED', 'view');
  });

  test('gives other answers than in FP32: it does compute in BF16', async () => {
    await using model = await load(linear, { precision: 'bf16' });
    await using float = await load(linear, { precision: 'fp32' });
    assert.notDeepEqual((await model.run([row])).output!.data, (await float.run([row])).output!.data);
  });

  test('needs weights in FP32', async () => {
    await rejects(load(fixture('tiny.pt'), { precision: 'bf16' }), 'INF_PRECISION_UNSUPPORTED', 'no float32 weights');
  });
});

describe('what cannot be had', () => {
  test('INT8 of convolutions without calibration', { skip: needsTorch }, async () => {
    const loading = load(fixture('quantize-conv.pt'), { precision: 'int8' });
    await rejects(loading, 'INF_QUANTIZE_NOTHING', 'linear layers', 'For convolutions use optimize()');
    assert.deepEqual(await entries(), []);
  });

  test('INT8 of an LSTM without ONNX', { skip: needsTorch }, async () => {
    const loading = load(fixture('quantize-lstm.pt'), { precision: 'int8' });
    await rejects(loading, 'INF_QUANTIZE_NOTHING', 'it has 1 lstm', 'LSTMs are quantized in ONNX models');
  });

  test('FP16 with torch', { skip: needsTorch }, async () => {
    await rejects(load(linear, { precision: 'fp16' }), 'INF_PRECISION_UNSUPPORTED', linear, 'fp16', 'bf16 or int8');
    await rejects(load(linear, { precision: 'tf32' }), 'INF_PRECISION_UNSUPPORTED', linear, 'use fp32, bf16 or int8');
  });

  test('INT8 of a model traced in training mode', { skip: needsTorch }, async () => {
    const loading = load(fixture('quantize-dropping.pt'), { precision: 'int8' });
    await rejects(loading, 'INF_CONVERSION_FAILED', 'training mode');
  });

  test('a precision that there is not', async () => {
    await rejects(load(linear, { precision: 'int4' as 'int8' }), 'INF_OPTION_INVALID', 'precision', 'int4');
  });

  test('INT8 where the cache cannot be written', async (t) => {
    const file = await onnxFile(t, matMul());
    process.env.XDG_CACHE_HOME = join(await makeFolder(t, { 'a-file': '' }), 'a-file');
    await rejects(load(file, { precision: 'int8' }), 'INF_CONVERSION_FAILED', 'XDG_CACHE_HOME');
    await using model = await load(file, { precision: 'auto' });
    assert.equal(model.file, file);
  });

  test('INT8 that is given up in the middle', async (t) => {
    const scratch = await makeFolder(t, {});
    const folder = process.env.TMPDIR;
    t.after(() => {
      delete process.env.TMPDIR;
      if (folder !== undefined) process.env.TMPDIR = folder;
    });
    const file = await onnxFile(t, matMul());
    process.env.TMPDIR = scratch;
    const controller = new AbortController();
    const loading = load(file, { precision: 'int8', signal: controller.signal });
    loading.catch(() => {});
    // The folder appears when the conversion begins.
    while ((await readdir(scratch)).length === 0) await new Promise(setImmediate);
    controller.abort(new Error('no longer needed'));
    const { cause } = await rejects(loading, 'INF_ABORTED', file);
    assert.equal((cause as Error).message, 'no longer needed');
    assert.deepEqual(await readdir(scratch), []);
    assert.deepEqual(await entries(), []);
  });
});

describe('precision auto', () => {
  /** Stores a tuned model: another one, so that it can be told. */
  async function tune(t: TestContext, file: string, environment?: string): Promise<void> {
    const here = environmentHash(systemInfo(), libraryVersions(await listBackends()));
    const folder = await makeFolder(t, { 'model.json': '{"backend": "onnx", "threads": 1}' });
    await writeModel(join(folder, 'model.onnx'), matMul());
    await storeEntry(await hashFiles([file]), 'key', environment ?? here, folder);
  }

  test('takes what was tuned here', async (t) => {
    const file = fixture('tiny.onnx');
    await tune(t, file);
    await using model = await load(file, { precision: 'auto' });
    assert.ok(model.file.startsWith(cache), model.file);
    assert.equal(model.path, file);
    assert.match(model.choice.reason, /^tuned: /);
    assert.equal(model.info.threads, 1);
    assert.deepEqual((await model.run([onnxRow])).y!.shape, [3, 4]);
  });

  test('leaves what the caller says in force', async (t) => {
    const file = fixture('tiny.onnx');
    await tune(t, file);
    await using model = await load(file, { precision: 'auto', threads: 2 });
    assert.equal(model.info.threads, 2);
  });

  test('is the file itself, where nothing was tuned, or in another environment, or it is spoilt', async (t) => {
    const file = fixture('tiny.onnx');
    const untuned = async () => {
      await using model = await load(file, { precision: 'auto' });
      assert.equal(model.file, file);
    };
    await untuned();
    await tune(t, file, 'there');
    await untuned();
    await tune(t, fixture('slow.onnx'));
    await untuned();
  });

  test('does not take what load() itself converted', async (t) => {
    const file = await onnxFile(t, matMul());
    await (await load(file, { precision: 'int8' })).close();
    await using model = await load(file, { precision: 'auto' });
    assert.equal(model.file, file);
  });

  test('is not what is loaded by default', async (t) => {
    const file = fixture('tiny.onnx');
    await tune(t, file);
    await using model = await load(file);
    assert.equal(model.file, file);
  });

  test('does not take an entry that was changed', async (t) => {
    const file = fixture('tiny.onnx');
    await tune(t, file);
    const home = join(cache, 'infernode/optimized', await hashFiles([file]), 'key');
    await writeFile(join(home, 'model.json'), '{"backend": "onnx"}');
    await using model = await load(file, { precision: 'auto' });
    assert.equal(model.file, file);
  });
});
