import assert from 'node:assert/strict';
import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { optimize, Tensor, writeNpy } from 'infernode';
import { rejects } from '../support/expect-error.js';
import { dataFile, needsTestData } from '../support/test-data.js';
import { needsTorch } from '../support/torch.js';
import { place, samples, tune, tuneOnnx } from '../support/tuning.js';
import { noiseTensor } from '../unit/conversion/onnx/models.js';
import { makeFolder } from '../unit/support/files.js';

describe('samples that cannot be used', () => {
  const cases: [what: string, files: Record<string, string | Uint8Array>, says: string | RegExp][] = [
    ['none', {}, 'has no samples'],
    ['one only', { 'a.npy': writeNpy(new Tensor('float32', new Float32Array(12288), [1, 3, 64, 64])) }, 'at least 2'],
    [
      'NaN',
      Object.fromEntries(
        ['a', 'b'].map((name) => [
          `${name}.npy`,
          writeNpy(new Tensor('float32', new Float32Array(12288).fill(Number.NaN), [1, 3, 64, 64])),
        ]),
      ),
      /Sample [ab]\.npy: element 0 of input "\w+" is NaN/,
    ],
    [
      'of the wrong shape',
      Object.fromEntries(
        ['a', 'b', 'c'].map((name) => [`${name}.npy`, writeNpy(new Tensor('float32', new Float32Array(12), [1, 12]))]),
      ),
      /Sample [abc]\.npy does not fit the model/,
    ],
    ['broken', { 'a.npy': 'text', 'b.npy': 'text' }, /Sample [ab]\.npy: .*it is no \.npy file/],
  ];
  for (const [what, files, says] of cases) {
    test(what, async (t) => {
      const folder = await place(t);
      const calibration = await makeFolder(t, files);
      await rejects(tune(join(folder, 'tuned'), { calibration }), 'INF_CALIBRATION_INVALID', says);
      assert.deepEqual((await readdir(folder)).includes('tuned'), false);
    });
  }

  test('a folder that is not there, labels that name none of them, and a place that is taken', async (t) => {
    const folder = await place(t);
    const output = join(folder, 'tuned');
    await rejects(tune(output, { calibration: join(folder, 'gone') }), 'INF_CALIBRATION_INVALID', 'cannot be read');
    await rejects(tune(output, { labels: { 'other.png': 1 } }), 'INF_CALIBRATION_INVALID', 'name none of the samples');
    await writeFile(join(folder, 'classes.csv'), 'file,label\nstar.png,asteroid\n');
    const labels = join(folder, 'classes.csv');
    await rejects(tune(output, { labels }), 'INF_FILE_INVALID', 'star.png is "asteroid"');
    await cp(samples, output, { recursive: true });
    await rejects(tune(output), 'INF_OPTION_INVALID', 'is in the way');
    assert.deepEqual((await readdir(output)).sort(), (await readdir(samples)).sort());
  });
});

test('optimize tells what is known of the labels, and refuses a class that the model has not', async (t) => {
  const folder = await place(t);
  const names = await readdir(samples);
  const some = names.slice(0, -1);
  const labels = Object.fromEntries(some.map((name, index) => [name, index % 10]));
  const report = await tuneOnnx(join(folder, 'tuned'), { labels, calibrationSamples: 1, maxDrop: 0.5 });
  assert.equal(report.reference.labelled, report.samples.validation.filter((name) => name in labels).length);
  const missing = report.samples.validation.includes(names.at(-1)!);
  assert.equal(report.warnings.length, missing ? 1 : 0);
  if (missing) assert.ok(report.warnings[0]!.endsWith(names.at(-1)!), report.warnings[0]);
  const beyond = { ...labels, [some[0]!]: 10 };
  const tuning = tuneOnnx(join(folder, 'b'), { labels: beyond });
  await rejects(tuning, 'INF_CALIBRATION_INVALID', some[0]!, 'class 10', '10 classes');
});

test('elements of a tuple may be files of their own', { skip: needsTorch || needsTestData }, async (t) => {
  const folder = await place(t);
  const files = [1, 2, 3, 4].flatMap((seed) => [
    [`${seed}/x.npy`, writeNpy(noiseTensor([1, 1, 2], seed))],
    [`${seed}/hc0.0.npy`, writeNpy(noiseTensor([2, 1, 8], seed))],
    [`${seed}/hc0.1.npy`, writeNpy(noiseTensor([2, 1, 8], seed + 9))],
  ]);
  const calibration = await makeFolder(t, Object.fromEntries(files));
  const model = dataFile('models/torchscript/anydrive_v3_lstm.pt');
  const report = await optimize(model, { calibration, output: join(folder, 'tuned'), threads: [1], maxDrop: 0.5 });
  assert.deepEqual([...report.samples.calibration, ...report.samples.validation].sort(), ['1', '2', '3', '4']);
  assert.ok(
    report.candidates.some(({ name, verdict }) => name.startsWith('torch fp32') && /right|chosen/.test(verdict)),
  );
});
