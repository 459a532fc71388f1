import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { load, type OptimizeReport, optimize } from 'infernode';
import { bundledModel, dataFile, needsTestData } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';
import { cli, place, samples } from '../support/tuning.js';
import { noiseTensor } from '../unit/conversion/onnx/models.js';
import { makeFolder } from '../unit/support/files.js';

test('optimize of a model that is INT8 already compares runtimes and threads, and says so', {
  skip: needsTorch,
}, async (t) => {
  const folder = await place(t);
  const calibration = [1, 2, 3, 4].map((seed) => ({ x: noiseTensor([1, 16], seed) }));
  const model = fixture('quantize-already.pt');
  const report = await optimize(model, { calibration, output: join(folder, 'tuned'), threads: [1] });
  const tried = report.candidates.filter(({ verdict }) => verdict !== 'skipped');
  assert.deepEqual(
    tried.map(({ name, precision, verdict }) => [name, precision, verdict]),
    [['torch int8 as saved, 1 thread', 'int8', 'chosen']],
  );
  assert.match(report.warnings[0]!, /quantized already/);
  await using tuned = await load(join(folder, 'tuned'));
  await using saved = await load(model);
  assert.deepEqual(await tuned.run(calibration[0]!), await saved.run(calibration[0]!));
});

test('optimize with a full disk fails with a code, and leaves nothing', async (t) => {
  const folder = await place(t);
  const [scratch, parent] = [join(folder, 'tmp'), join(folder, 'out')];
  await mkdir(scratch);
  await mkdir(parent);
  const args = [cli, 'optimize', bundledModel, '--calibration', samples, '-o', join(parent, 'tuned'), '--json'];
  // No file may grow beyond 100 blocks of 1024 bytes; the model has 900 kB.
  const shell = ['-c', 'ulimit -f 100 && exec "$0" "$@"', process.execPath, ...args, '--threads', '1'];
  const env = { ...process.env, TMPDIR: scratch };
  const { stdout, status } = spawnSync('bash', shell, { env, encoding: 'utf8' });
  const { code, message } = JSON.parse(stdout).error;
  assert.deepEqual([status, code], [1, 'INF_CONVERSION_FAILED']);
  assert.match(message, /cannot be written: EFBIG/);
  assert.deepEqual(await readdir(parent), []);
  const left = await readdir(scratch, { recursive: true });
  assert.deepEqual(left, []);
});

test('a program that looks at images as rows runs in BF16 and INT8', {
  skip: needsTorch || needsTestData,
}, async (t) => {
  const folder = await place(t);
  const pictures = dataFile('images/cifar10');
  const chosen = (await readdir(pictures)).filter((name) => name.endsWith('.jpg')).filter((_, i) => i % 20 === 0);
  const calibration = await makeFolder(t, {});
  for (const name of chosen) await cp(join(pictures, name), join(calibration, name));
  const report = await optimize(dataFile('models/torchscript/kserve_cifar10_net.pt'), {
    calibration,
    output: join(folder, 'tuned'),
    threads: [1],
    images: { scale: 1 / 127.5, mean: [1] },
  });
  const tried = report.candidates.filter(({ verdict }) => verdict !== 'skipped');
  assert.ok(tried.some(({ precision }) => precision === 'int8'));
  for (const { name, verdict, reason } of tried)
    assert.ok(verdict === 'right' || verdict === 'chosen', `${name} ${reason}`);
});

test('a trained classifier keeps its accuracy, and reports what infernode run finds', {
  skip: needsTorch || needsTestData,
}, async (t) => {
  const folder = await place(t);
  const pictures = dataFile('images/cifar10');
  const chosen = (await readdir(pictures)).filter((name) => name.endsWith('.jpg')).filter((_, i) => i % 5 === 0);
  const calibration = await makeFolder(t, {});
  for (const name of chosen) await cp(join(pictures, name), join(calibration, name));
  const model = join(folder, 'resnet20');
  await mkdir(join(model, '1'), { recursive: true });
  for (const [from, to] of [
    ['torchscript/resnet20_cifar10_fp32.pt', 'model.pt'],
    ['onnx/resnet20_cifar10_fp32.onnx', 'model.onnx'],
  ]) {
    await cp(dataFile(`models/${from}`), join(model, '1', to!));
  }
  const image = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  await writeFile(join(model, 'model.json'), JSON.stringify({ processing: { image } }));
  const output = join(folder, 'tuned');
  const labels = dataFile('images/cifar10/labels.csv');
  const report: OptimizeReport = await optimize(model, { calibration, labels, output, threads: [1] });
  const best = report.candidates.find(({ verdict }) => verdict === 'chosen')!;
  assert.equal(best.precision, 'int8');
  assert.ok(report.reference.top1! - best.accuracy!.top1! <= 0.01);

  const classes = new Map(
    (await readFile(labels, 'utf8')).split('\n').map((line) => line.split(',') as [string, string]),
  );
  const inputs = report.samples.validation.flatMap((name) => ['--input', join(calibration, name)]);
  const args = ['run', output, ...inputs, '--top', '1', '--json'];
  const { stdout } = spawnSync(process.execPath, [cli, ...args], { maxBuffer: 2 ** 28 });
  const run = JSON.parse(String(stdout));
  const calls: { files: string[]; top: { rows: { index: number }[][] } }[] = run.calls ?? [run];
  let right = 0;
  for (const { files, top } of calls) {
    files.forEach((file, row) => {
      if (top.rows[row]![0]!.index === Number(classes.get(basename(file)))) right++;
    });
  }
  assert.equal(right / report.samples.validation.length, best.accuracy!.top1);
});
